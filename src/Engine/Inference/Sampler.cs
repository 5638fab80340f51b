namespace ContinualService.Engine.Inference;

/// <summary>Chooses the next token from logits. One instance serves one sequence: it counts what was generated.</summary>
public sealed class Sampler
{
    private readonly SamplingOptions _options;
    private readonly bool _scores;
    private readonly Random _random;
    private readonly Dictionary<int, int> _generated = [];
    private readonly float[] _adjusted; // [V]
    private readonly int[] _order; // [V]

    /// <param name="options">How to choose.</param>
    /// <param name="vocabularySize">V.</param>
    /// <param name="scores">False: log-probabilities are not computed, they are NaN.</param>
    public Sampler(SamplingOptions options, int vocabularySize, bool scores = true)
    {
        _options = options;
        _scores = scores;
        _random = new Random(options.Seed);
        _adjusted = new float[vocabularySize];
        _order = new int[vocabularySize];
    }

    /// <summary>The next token for <paramref name="logits"/> [V]; it is counted for the penalties.</summary>
    public ScoredToken Next(ReadOnlySpan<float> logits)
    {
        logits.CopyTo(_adjusted);
        foreach (var (id, count) in _generated)
            _adjusted[id] -= (float)(_options.FrequencyPenalty * count + _options.PresencePenalty);
        if (_options.LogitBias is { } bias)
            foreach (var (id, value) in bias) _adjusted[id] += (float)value;

        var chosen = _options.Temperature <= 0 ? ArgMax(_adjusted) : Draw();
        _generated[chosen] = _generated.GetValueOrDefault(chosen) + 1;
        if (!_scores) return new ScoredToken(chosen, double.NaN, []);
        var normaliser = LogSumExp(logits);
        return new ScoredToken(chosen, logits[chosen] - normaliser, Top(logits, normaliser, _options.TopLogProbabilities));
    }

    /// <summary>The token <paramref name="id"/> scored under <paramref name="logits"/> [V].</summary>
    public static ScoredToken Score(ReadOnlySpan<float> logits, int id, int top)
    {
        var normaliser = LogSumExp(logits);
        return new ScoredToken(id, logits[id] - normaliser, Top(logits, normaliser, top));
    }

    private int Draw()
    {
        var largest = float.NegativeInfinity;
        foreach (var value in _adjusted) largest = Math.Max(largest, value);
        double total = 0;
        for (var id = 0; id < _adjusted.Length; id++)
        {
            _adjusted[id] = (float)Math.Exp((_adjusted[id] - largest) / _options.Temperature);
            total += _adjusted[id];
        }

        // All tokens below this share reach less than 1 - top_p together: none of them is in the nucleus, and sorting them would be most of the work.
        var least = _options.TopP < 1 ? (1 - _options.TopP) / _adjusted.Length * total : double.NegativeInfinity;
        var (kept, count) = (total, 0);
        for (var id = 0; id < _order.Length; id++)
            if (_adjusted[id] >= least) _order[count++] = id;
        if (_options.TopP < 1)
        {
            // Ties keep the lower id first, so that equal logits give equal draws.
            var candidates = _order.AsSpan(0, count);
            candidates.Sort((left, right) => _adjusted[right] != _adjusted[left] ? _adjusted[right].CompareTo(_adjusted[left]) : left.CompareTo(right));
            (kept, count) = (0, 0);
            while (count < candidates.Length && (count == 0 || kept < _options.TopP * total)) kept += _adjusted[candidates[count++]];
        }

        var point = _random.NextDouble() * kept;
        for (var position = 0; position < count; position++)
        {
            point -= _adjusted[_order[position]];
            if (point < 0) return _order[position];
        }

        return _order[count - 1];
    }

    private static int ArgMax(ReadOnlySpan<float> values)
    {
        var best = 0;
        for (var id = 1; id < values.Length; id++)
            if (values[id] > values[best]) best = id;
        return best;
    }

    private static double LogSumExp(ReadOnlySpan<float> logits)
    {
        // fp64: the sum of a large vocabulary loses the digits that log-probabilities are compared in.
        double largest = logits[ArgMax(logits)], total = 0;
        foreach (var value in logits) total += Math.Exp(value - largest);
        return largest + Math.Log(total);
    }

    private static (int, double)[] Top(ReadOnlySpan<float> logits, double normaliser, int count)
    {
        count = Math.Min(count, logits.Length);
        if (count == 0) return [];
        var best = new PriorityQueue<int, (float, int)>(count + 1);
        for (var id = 0; id < logits.Length; id++)
        {
            if (best.Count < count) best.Enqueue(id, (logits[id], -id));
            else if (best.TryPeek(out _, out var least) && logits[id] > least.Item1) best.EnqueueDequeue(id, (logits[id], -id));
        }

        var top = new (int, double)[best.Count];
        for (var position = top.Length - 1; position >= 0; position--)
        {
            var id = best.Dequeue();
            top[position] = (id, logits[id] - normaliser);
        }

        return top;
    }
}
