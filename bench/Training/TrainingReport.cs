using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ContinualService.Bench.Training;

/// <summary>The figures of one run, as Markdown and as JSON.</summary>
/// <param name="settings">What was run.</param>
/// <param name="operationsPerToken">The arithmetic that a token needs.</param>
/// <param name="ours">Our figures.</param>
/// <param name="peer">The peer's; null: it was not asked for.</param>
internal sealed class TrainingReport(TrainingSettings settings, double operationsPerToken, TrainingFigures ours, TrainingFigures? peer)
{
    private const double Giga = 1 << 30;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Tokens a second if the whole of a step were products at the rate that they had between the steps: whoever else uses the machine slows both alike.</summary>
    public double Limit => ours.GemmRate / operationsPerToken;

    public double ShareOf(TrainingFigures figures) => figures.TokensPerSecond / Limit;

    public double? Ratio => peer is null ? null : ours.TokensPerSecond / peer.TokensPerSecond;

    public string Markdown()
    {
        var text = new StringBuilder("# LoRA training\n\n");
        text.Append("    ").Append(settings.Command()).Append("\n\n");
        text.Append(string.Create(CultureInfo.InvariantCulture, $"""
            {settings.Shape}, {settings.Type}, {settings.Device}, rank {settings.Rank} on {string.Join(", ", settings.Targets)}; {settings.Batch} rows of {Rows()} a step;
            {settings.Steps} steps counted, {TrainingSettings.Warmup} before them. A token needs {operationsPerToken / 1e9:F3} GFLOP; between the steps products reach {ours.GemmRate / 1e12:F3} TFLOP/s here ({ours.BestGemmRate / 1e12:F3} at best): at most {Limit:F0} tokens/s.

            | | tokens/s | share of the limit | step, s: median (smallest - largest) | device memory, GiB | process memory, GiB |
            |---|---|---|---|---|---|

            """));
        Row(text, ours);
        if (peer is not null) Row(text, peer);
        if (Ratio is { } ratio) text.Append(string.Create(CultureInfo.InvariantCulture, $"\n{ratio:F2} times the peer's tokens a second, {(double)ours.ProcessBytes / peer!.ProcessBytes:F2} times its process memory.\n"));
        if (ours.Steady is { } steady)
        {
            text.Append(string.Create(
                CultureInfo.InvariantCulture,
                $"\nA step allocates {steady.ManagedBytesPerStep / 1024.0:F0} KiB on .NET's heap. Live tensors: {steady.FirstTensors} after the first counted step, at most {steady.MostTensors} after any; resident memory {steady.FirstResidentBytes / Giga:F2} GiB after the first, {steady.LastResidentBytes / Giga:F2} after the last.\n"));
        }

        return text.ToString();
    }

    private string Rows() => settings.DataFile is null
        ? string.Create(CultureInfo.InvariantCulture, $"{settings.Sequence} tokens, trained whole,")
        : string.Create(CultureInfo.InvariantCulture, $"{settings.Rows.Min(row => row.Length)} to {settings.Rows.Max(row => row.Length)} tokens ({settings.Rows.Average(row => row.Length):F0} on average, {RowSizes.TrainedShare(settings.Rows):P1} of them trained)");

    public string ToJson() => JsonSerializer.Serialize(
        new { Command = settings.Command(), settings.Shape, settings.Type, settings.Device, operationsPerToken, Limit, Ours = ours, OursShare = ShareOf(ours), Peer = peer, Ratio }, Json);

    private void Row(StringBuilder text, TrainingFigures figures)
    {
        var steps = figures.StepSeconds.Order().ToList();
        var device = figures.DeviceBytes is { } bytes ? (bytes / Giga).ToString("F1", CultureInfo.InvariantCulture) : "-";
        text.Append(string.Create(
            CultureInfo.InvariantCulture,
            $"| {figures.Name} | {figures.TokensPerSecond:F0} | {ShareOf(figures):P1} | {steps[steps.Count / 2]:F3} ({steps[0]:F3} - {steps[^1]:F3}) | {device} | {figures.ProcessBytes / Giga:F2} |\n"));
    }
}
