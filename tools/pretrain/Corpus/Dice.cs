namespace ContinualService.Pretrain.Corpus;

/// <summary>The one source of chance of a generator: the same seed gives the same text on every machine.</summary>
internal sealed class Dice(int seed)
{
    private readonly Random _random = new(seed);

    /// <summary>A whole number in [0, <paramref name="limit"/>).</summary>
    public int Below(int limit) => _random.Next(limit);

    public bool Chance(double probability) => _random.NextDouble() < probability;

    public T Pick<T>(IReadOnlyList<T> choices) => choices[_random.Next(choices.Count)];

    /// <summary><paramref name="count"/> different elements in random order.</summary>
    public List<T> Sample<T>(IEnumerable<T> choices, int count)
    {
        var rest = choices.ToList();
        Shuffle(rest);
        return rest.GetRange(0, Math.Min(count, rest.Count));
    }

    public void Shuffle<T>(IList<T> list)
    {
        for (var i = list.Count - 1; i > 0; i--)
        {
            var j = _random.Next(i + 1);
            (list[i], list[j]) = (list[j], list[i]);
        }
    }
}
