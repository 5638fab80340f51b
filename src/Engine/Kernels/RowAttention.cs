using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// Causal attention of sequences that lie one after another, and its gradients, for training on a CPU: written out in large products, some queries at a time with the keys that they see, so that little is computed that the mask
/// takes away again. libtorch's own takes up to twice as long there (docs/performance.md). TorchScript, because a call is one object here however many operators it takes.
/// </summary>
/// <remarks>Belongs to one forward pass and the backward pass after it.</remarks>
internal sealed class RowAttention
{
    // Of one piece; scores, and what is made of them, are three at most.
    private const int MostScores = 1 << 20;
    private const int Pieces = 3;

    // Queries at a time, 64 in float32 and 128 in bfloat16, shared out among the query heads of a key head: of 64 and 128 each type's quicker one for rows of up to 1,024 tokens.
    private const int PieceBytes = 256;
    private const int LeastQueries = 32;

    // An error in this text ends the process: it is constant, and a test calls each of its functions.
    // Of weights: query [c, s n, K], key [c, S, K], c key heads, s query heads of each, n queries and S keys, the last of which are theirs; from the query `whole` on the first keys are out of reach.
    // after and before [n, n] are -infinity above and below the diagonal, and 0 elsewhere.
    // A piece: its first key head and how many, its first query and how many, its first key and how many, `whole`.
    private const string Source = """
        def weights(query: Tensor, key: Tensor, after: Tensor, before: Tensor, n: int, whole: int) -> Tensor:
            scores = torch.bmm(query, key.transpose(1, 2))
            heads = scores.view([scores.size(0), -1, n, scores.size(2)])
            heads.narrow(3, scores.size(2) - n, n).add_(after.narrow(0, 0, n).narrow(1, 0, n))
            if whole < n:
                m = n - whole
                heads.narrow(2, whole, m).narrow(3, 0, m).add_(before.narrow(0, 0, m).narrow(1, 0, m))
            return torch.softmax(scores, 2)

        def pieces(lengths: Tensor, heads: int, groups: int, step: int, window: int, most: int) -> List[Tuple[int, int, int, int, int, int, int]]:
            found: List[Tuple[int, int, int, int, int, int, int]] = []
            start = 0
            for row in range(lengths.size(0)):
                length = int(lengths[row])
                for t in range(0, length, step):
                    n = min(step, length - t)
                    first = max(0, t - window + 1)
                    seen = t + n - first
                    count = max(1, most // (heads // groups * n * seen))
                    for group in range(0, groups, count):
                        found.append((group, min(count, groups - group), start + t, n, start + first, seen, window - 1 - t + first))
                start += length
            return found

        def part(x: Tensor, head: int, heads: int, at: int, n: int) -> Tensor:
            return x.narrow(0, head, heads).narrow(1, at, n)

        def forward(queries: Tensor, keys: Tensor, values: Tensor, lengths: Tensor, after: Tensor, before: Tensor, window: int, scale: float, most: int) -> Tensor:
            query, key, value = queries[0], keys[0], values[0]
            heads, groups, width = query.size(0), key.size(0), key.size(2)
            shared = heads // groups
            mixed = torch.empty([query.size(1), heads, width], dtype=query.dtype).transpose(0, 1)
            for group, c, at, n, first, seen, whole in pieces(lengths, heads, groups, after.size(0), window, most):
                q = part(query, group * shared, c * shared, at, n).mul(scale).reshape([c, shared * n, width])
                p = weights(q, part(key, group, c, first, seen), after, before, n, whole)
                part(mixed, group * shared, c * shared, at, n).copy_(torch.bmm(p, part(value, group, c, first, seen)).view([c * shared, n, width]))
            return mixed.unsqueeze(0)

        def backward(queries: Tensor, keys: Tensor, values: Tensor, gradients: Tensor, lengths: Tensor, after: Tensor, before: Tensor, window: int, scale: float, most: int):
            query, key, value, gradient = queries[0], keys[0], values[0], gradients[0]
            heads, groups, width = query.size(0), key.size(0), key.size(2)
            shared = heads // groups
            dq = torch.empty([heads, query.size(1), width], dtype=query.dtype)
            dk = torch.zeros([groups, query.size(1), width], dtype=query.dtype)
            dv = torch.zeros([groups, query.size(1), width], dtype=query.dtype)
            for group, c, at, n, first, seen, whole in pieces(lengths, heads, groups, after.size(0), window, most):
                q = part(query, group * shared, c * shared, at, n).mul(scale).reshape([c, shared * n, width])
                g = part(gradient, group * shared, c * shared, at, n).reshape([c, shared * n, width])
                k = part(key, group, c, first, seen)
                p = weights(q, k, after, before, n, whole)
                part(dv, group, c, first, seen).baddbmm_(p.transpose(1, 2), g)
                s = torch._softmax_backward_data(torch.bmm(g, part(value, group, c, first, seen).transpose(1, 2)), p, 2, p.dtype)
                part(dk, group, c, first, seen).baddbmm_(s.transpose(1, 2), q)
                torch.mul(torch.bmm(s, k).view([c * shared, n, width]), scale, out=part(dq, group * shared, c * shared, at, n))
            return dq.unsqueeze(0), dk.unsqueeze(0), dv.unsqueeze(0)

        """;

    private static readonly Lazy<jit.CompilationUnit> Unit = new(() => jit.compile(Source));

    private readonly Tensor _lengths; // int64 [B]
    private readonly Tensor _after; // [n, n], as in the text above
    private readonly Tensor _before;
    private readonly Scalar _scale; // held: see Scalars
    private readonly int _most;

    /// <param name="lengths">Tokens of each sequence, in their order; sum N.</param>
    /// <param name="config">How many heads, and how wide.</param>
    /// <param name="dtype">Of queries, keys and values.</param>
    /// <param name="mostScores">Numbers of a piece's scores, where one key head's are not more.</param>
    /// <remarks>What is kept belongs to the caller's dispose scope.</remarks>
    public RowAttention(IReadOnlyList<int> lengths, ModelConfig config, ScalarType dtype, int mostScores = MostScores)
    {
        using var scope = NewDisposeScope();
        var queries = Queries(config, dtype);
        using Scalar never = double.NegativeInfinity;
        var hidden = full([queries, queries], never, dtype: dtype);
        _lengths = empty(lengths.Count, int64).MoveToOuterDisposeScope();
        var places = TensorMemory.Span<long>(_lengths);
        for (var row = 0; row < places.Length; row++) places[row] = lengths[row];
        (_after, _before) = (hidden.triu(1).MoveToOuterDisposeScope(), hidden.tril(-1).MoveToOuterDisposeScope());
        (_scale, _most) = (1 / Math.Sqrt(config.HeadWidth), mostScores);
    }

    /// <summary>How many numbers exist at once that are scores, or made of them.</summary>
    /// <param name="config">As in the constructor.</param>
    /// <param name="dtype">As there.</param>
    /// <param name="longest">Tokens of the longest sequence.</param>
    public static long Numbers(ModelConfig config, ScalarType dtype, int longest)
    {
        long ofAHead = (long)Math.Min(Queries(config, dtype), longest) * longest;
        return Pieces * Math.Min(config.HeadCount * ofAHead, Math.Max(MostScores, config.HeadCount / config.KeyValueHeadCount * ofAHead));
    }

    /// <summary>Softmax of query times key, times value.</summary>
    /// <param name="query">[1, H, N, K].</param>
    /// <param name="key">[1, G, N, K], each for H / G neighbouring heads.</param>
    /// <param name="value">As <paramref name="key"/>.</param>
    /// <param name="window">A token sees this many keys, its own included; null: all before it.</param>
    /// <returns>[1, H, N, K], a token's heads beside each other in memory. Belongs to the caller's dispose scope.</returns>
    public Tensor Forward(Tensor query, Tensor key, Tensor value, int? window)
    {
        var mixed = Unit.Value.invoke<Tensor>("forward", query, key, value, _lengths, _after, _before, window ?? int.MaxValue, _scale, _most);
        GC.KeepAlive(_scale);
        return mixed;
    }

    /// <summary>The gradients of what <see cref="Forward"/> was given, from that of what it gave, [1, H, N, K]. To be called without a graph; they belong to the caller's dispose scope.</summary>
    public (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor query, Tensor key, Tensor value, Tensor gradient, int? window)
    {
        var gradients = Unit.Value.invoke<(Tensor, Tensor, Tensor)>("backward", query, key, value, gradient, _lengths, _after, _before, window ?? int.MaxValue, _scale, _most);
        GC.KeepAlive(_scale);
        return gradients;
    }

    private static int Queries(ModelConfig config, ScalarType dtype) => Math.Max(LeastQueries, PieceBytes / dtype.ElementSize() * config.KeyValueHeadCount / config.HeadCount);
}
