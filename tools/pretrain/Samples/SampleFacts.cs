namespace ContinualService.Pretrain.Samples;

/// <summary>Reads Grammar/sample-facts.txt: the answer of each fact and the questions that ask for it.</summary>
internal static class SampleFacts
{
    public static IReadOnlyList<(string Answer, List<string> Questions)> Load()
    {
        using var stream = typeof(SampleFacts).Assembly.GetManifestResourceStream("Grammar/sample-facts.txt")
            ?? throw new InvalidOperationException("Grammar/sample-facts.txt is not embedded in this program.");
        using var reader = new StreamReader(stream);
        var facts = new List<(string Answer, List<string> Questions)>();
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#') continue;
            if (line[0] == '[') facts.Add((line[(line.IndexOf(']') + 1)..].Trim(), []));
            else facts[^1].Questions.Add(line.Trim());
        }

        return facts;
    }
}
