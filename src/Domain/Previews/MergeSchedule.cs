using System.Globalization;
using System.Text.Json;

namespace ContinualService.Domain.Previews;

/// <summary>
/// How much of a task goes into each layer's merge, 0 to 1. Its text is its name: <c>0.5</c> in all layers, <c>0.2..0.8</c> from the first layer to the last in equal steps,
/// <c>0.1,0.5,0.9</c> layer by layer. Equal texts, equal schedules.
/// </summary>
public sealed record MergeSchedule
{
    private const string To = "..";

    private MergeSchedule(string text) => Text = text;

    public string Text { get; }

    /// <summary>The one lambda of all layers; null where they differ.</summary>
    public double? Lambda => Text.Contains(To, StringComparison.Ordinal) || Text.Contains(',') ? null : Number(Text);

    /// <summary>The text where layers differ; null where one lambda says it.</summary>
    public string? Schedule => Lambda is null ? Text : null;

    public static MergeSchedule Of(double lambda) => new(Write(lambda));

    public static MergeSchedule Linear(double from, double to) => new(Write(from) + To + Write(to));

    public static MergeSchedule Layers(IEnumerable<double> lambdas) => new(string.Join(',', lambdas.Select(Write)));

    /// <summary>As rows have it: the text of a schedule, or null and the one lambda.</summary>
    public static MergeSchedule Named(double lambda, string? schedule) => schedule is null ? Of(lambda) : Parse(schedule)!;

    /// <summary>Null: the text names none.</summary>
    public static MergeSchedule? Parse(string text)
    {
        var (separator, needed) = text.Contains(To, StringComparison.Ordinal) ? (To, 2) : (",", 0);
        var numbers = text.Split(separator).Select(part => double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : double.NaN).ToList();
        if (numbers.Exists(number => !(number is >= 0 and <= 1)) || (needed > 0 && numbers.Count != needed)) return null;
        return needed > 0 ? Linear(numbers[0], numbers[1]) : Layers(numbers);
    }

    /// <summary>A JSON array of them: a number where there is one lambda, else the text.</summary>
    public static IReadOnlyList<MergeSchedule> ReadAll(string json) =>
        [.. (JsonSerializer.Deserialize<JsonElement[]>(json) ?? []).Select(item => item.ValueKind == JsonValueKind.Number ? Of(item.GetDouble()) : Parse(item.GetString()!)!)];

    /// <inheritdoc cref="ReadAll"/>
    public static string WriteAll(IEnumerable<MergeSchedule> schedules) => JsonSerializer.Serialize(schedules.Select(schedule => schedule.Lambda is { } lambda ? (object)lambda : schedule.Text));

    /// <summary>Whether a model of so many layers can be merged by it.</summary>
    public bool Fits(int layers) => !Text.Contains(',') || Text.Split(',').Length == layers;

    /// <summary>The lambda of a layer, counted from 0.</summary>
    public double At(int layer, int layers)
    {
        if (Lambda is { } lambda) return lambda;
        if (Text.Contains(',')) return Number(Text.Split(',')[layer]);
        var ends = Text.Split(To);
        var (from, to) = (Number(ends[0]), Number(ends[1]));
        // The ends as they were given, whatever the steps between them round to.
        return layer == 0 ? from : layer == layers - 1 ? to : from + (to - from) * layer / (layers - 1);
    }

    /// <summary>The mean over the layers; one lambda is its own, to the bit.</summary>
    public double Mean(int layers) => Lambda ?? Enumerable.Range(0, layers).Average(layer => At(layer, layers));

    // A negative zero is a zero, and has its name.
    private static string Write(double number) => (number + 0.0).ToString("R", CultureInfo.InvariantCulture);

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
