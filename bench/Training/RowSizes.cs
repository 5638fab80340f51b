using ContinualService.Engine.Data;
using ContinualService.Engine.Models;

namespace ContinualService.Bench.Training;

/// <summary>How long the rows of a benchmark are, and how much of them is trained.</summary>
internal static class RowSizes
{
    /// <summary>Full rows, trained from their second token on.</summary>
    public static IReadOnlyList<BenchRow> Full(int length, int count) => [.. Enumerable.Repeat(new BenchRow(length, length - 1), count)];

    /// <summary>Those of a task's rows as the service encodes them, again from the beginning where there are fewer; prompts are cut where a row is longer than <paramref name="longest"/>.</summary>
    /// <param name="file">A task file in a format that the service takes.</param>
    /// <param name="model">A folder with the tokenizer that counts, and with a chat template or without.</param>
    /// <exception cref="UsageException">One of the two cannot be read.</exception>
    public static IReadOnlyList<BenchRow> Of(string file, string model, int longest, int count)
    {
        if (!File.Exists(file)) throw new UsageException($"--data {file}: there is no such file.");
        using var content = File.OpenRead(file);
        var parsed = TaskFileParser.Parse(content, Path.GetFileName(file));
        if (!parsed.IsValid) throw new UsageException($"--data {file}, line {parsed.Errors[0].Line}: {parsed.Errors[0].Reason} {parsed.Errors[0].Mend}");
        var text = Text(model);
        var encoded = new ExampleEncoder(text.Tokenizer, text.Chat, longest, TruncationPolicy.CutPrompt).EncodeAll(parsed);
        if (encoded.ErrorCount > 0) throw new UsageException($"--data {file}, line {encoded.Errors[0].Line}: {encoded.Errors[0].Reason} {encoded.Errors[0].Mend}");
        List<BenchRow> rows = [.. encoded.Rows.Select(row => new BenchRow(row.Ids.Length, row.Labels.Skip(1).Count(label => label != EncodedExample.IgnoreIndex)))];
        return [.. Enumerable.Range(0, count).Select(index => rows[index % rows.Count])];
    }

    /// <summary>The length that attention meets per token: with rows of one length that length.</summary>
    public static double PerToken(IReadOnlyList<BenchRow> rows) => rows.Sum(row => (double)row.Length * row.Length) / rows.Sum(row => (double)row.Length);

    /// <summary>The share of the tokens that is trained.</summary>
    public static double TrainedShare(IReadOnlyList<BenchRow> rows) => rows.Sum(row => (double)row.Trained) / rows.Sum(row => (double)row.Length);

    private static TextAssets Text(string model)
    {
        try
        {
            return TextAssets.Load(Path.GetFullPath(model));
        }
        catch (Exception error) when (error is ModelFormatException or IOException)
        {
            throw new UsageException($"--tokenizer {model}: {error.Message}", error);
        }
    }
}
