using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>
/// Whole sequences of unequal length, one after another without padding, on a GPU, or wherever a graph of them is recorded: attention alone is one call that pads its own inputs and nothing else. On a GPU each call is a launch, and short ones leave
/// the device idle.
/// </summary>
/// <param name="lengths">Tokens of each sequence.</param>
/// <param name="cos">float32 [N, K/2]: of each token's place in its own sequence.</param>
/// <param name="sin">As <paramref name="cos"/>.</param>
/// <param name="rotations">[N, K, K] or null, as in <see cref="HeadsStep.Rotations"/>.</param>
internal sealed class PaddedStep(IReadOnlyList<int> lengths, Tensor cos, Tensor sin, Tensor? rotations) : HeadsStep(1, lengths.Sum(), cos, sin)
{
    private readonly Padding _padding = Padding.Of(lengths, cos.device);

    protected override Tensor? Rotations => rotations;

    public override Tensor Attend(Tensor query, Tensor key, Tensor value, int? window, int layer) =>
        _padding.Remove(CausalStep.Attend(_padding.Add(query), _padding.Add(key), _padding.Add(value), window));

    /// <summary>
    /// Where each token lies among B sequences of the longest one's length, and back. What pads is the sequence's last token once more: no token of the sequence sees it, and since nothing
    /// is made of its own result, its gradient is 0.
    /// </summary>
    private sealed record Padding(int Rows, int Longest, Tensor From, Tensor To)
    {
        public static Padding Of(IReadOnlyList<int> lengths, Device device)
        {
            var longest = lengths.Max();
            var (from, to) = (new long[lengths.Count * longest], new long[lengths.Sum()]);
            for (int row = 0, start = 0; row < lengths.Count; start += lengths[row], row++)
            {
                for (var t = 0; t < longest; t++) from[row * longest + t] = start + Math.Min(t, lengths[row] - 1);
                for (var t = 0; t < lengths[row]; t++) to[start + t] = row * longest + t;
            }

            return new Padding(lengths.Count, longest, tensor(from, int64, device), tensor(to, int64, device));
        }

        /// <summary>[1, H, N, K] to [B, H, T, K].</summary>
        public Tensor Add(Tensor all) => all.squeeze(0).transpose(0, 1).index_select(0, From).view(Rows, Longest, all.size(1), all.size(3)).transpose(1, 2);

        /// <summary>[B, H, T, K] to [1, H, N, K].</summary>
        public Tensor Remove(Tensor mixed) =>
            mixed.transpose(1, 2).reshape(Rows * Longest, mixed.size(1), mixed.size(3)).index_select(0, To).unsqueeze(0).transpose(1, 2);
    }
}
