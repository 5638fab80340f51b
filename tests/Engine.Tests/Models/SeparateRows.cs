using ContinualService.Engine.Models;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Models;

internal static class SeparateRows
{
    /// <summary>Attention of each sequence alone, [1, H or G, N, K] to [1, H, N, K], for those who compute them together.</summary>
    public static Tensor Attend(Tensor query, Tensor key, Tensor value, int[] lengths, int? window)
    {
        List<Tensor> rows = [];
        for (int row = 0, start = 0; row < lengths.Length; start += lengths[row], row++)
        {
            Tensor Row(Tensor all) => all.narrow(2, start, lengths[row]);
            rows.Add(CausalStep.Attend(Row(query), Row(key), Row(value), window));
        }

        return cat(rows, 2);
    }
}
