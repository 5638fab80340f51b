using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>
/// Whole sequences of unequal length, one after another without padding: training. Attention stays within each sequence. Where calls are cheap, neighbours of one length are one call;
/// on a GPU, where each is a launch and short ones leave it idle, all are one call that pads its own inputs and nothing else.
/// </summary>
internal sealed class RowsStep : AttentionStep
{
    private readonly List<Run> _runs = [];
    private readonly Padding? _padding;

    /// <param name="lengths">Tokens of each sequence.</param>
    /// <param name="cos">float32 [N, K/2]: of each token's place in its own sequence.</param>
    /// <param name="sin">As <paramref name="cos"/>.</param>
    /// <param name="rotations">[N, K, K] or null, as in <see cref="AttentionStep.Rotations"/>.</param>
    /// <param name="pads">Whether attention pads.</param>
    public RowsStep(IReadOnlyList<int> lengths, Tensor cos, Tensor sin, Tensor? rotations, bool pads)
        : base(1, lengths.Sum(), cos, sin)
    {
        Rotations = rotations;
        if (pads) _padding = Padding.Of(lengths, cos.device);
        var start = 0;
        foreach (var length in lengths)
        {
            if (_runs is [.., var last] && last.Length == length) _runs[^1] = last with { Rows = last.Rows + 1 };
            else _runs.Add(new Run(start, 1, length));
            start += length;
        }
    }

    public override Tensor? Rotations { get; }

    public override Tensor Attend(Tensor query, Tensor key, Tensor value, int? window, int layer)
    {
        if (_padding is { } padding) return padding.Remove(CausalStep.Attend(padding.Add(query), padding.Add(key), padding.Add(value), window));
        var mixed = _runs.ConvertAll(run => run.Join(CausalStep.Attend(run.Take(query), run.Take(key), run.Take(value), window)));
        return cat(mixed, 1).transpose(1, 2); // [1, H, N, K]
    }

    /// <summary>Neighbours of one length.</summary>
    private sealed record Run(int Start, int Rows, int Length)
    {
        /// <summary>[1, H, N, K] to [Rows, H, Length, K].</summary>
        public Tensor Take(Tensor all) => all.narrow(2, Start, Rows * Length).squeeze(0).unflatten(1, [Rows, Length]).transpose(0, 1);

        /// <summary>[Rows, H, Length, K] to [1, Rows * Length, H, K].</summary>
        public Tensor Join(Tensor mixed) => mixed.transpose(1, 2).reshape(1, Rows * Length, mixed.size(1), mixed.size(3));
    }

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
