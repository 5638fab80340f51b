using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using ContinualService.TestKit;

namespace ContinualService.Bench.Training;

/// <summary>The same training in PyTorch: bench/Training/peer.py, in a process of its own.</summary>
internal static class TrainingPeer
{
    public const string Script = "bench/Training/peer.py";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <exception cref="UsageException">It cannot be run, or it failed.</exception>
    public static async Task<TrainingFigures> RunAsync(TrainingSettings settings)
    {
        var start = new ProcessStartInfo(settings.Python, Checkout.PathOf(Script)) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Start(start);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await SendAsync(process.StandardInput, Request(settings));
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new UsageException($"The peer ended with code {process.ExitCode}: {LastLines(await errors)}");
        return Read(await output);
    }

    internal static string Request(TrainingSettings settings) => JsonSerializer.Serialize(
        new
        {
            Config = JsonSerializer.Deserialize<JsonElement>(TrainingShapes.ConfigJson(settings.Shape)),
            settings.Device,
            settings.Type,
            settings.Rank,
            Alpha = 2 * settings.Rank,
            settings.Targets,
            settings.Batch,
            MicroBatch = settings.MicroBatch ?? settings.Batch,
            TrainingSettings.Warmup,
            settings.Threads,
            settings.Lengths,
        },
        Json);

    /// <summary>The last line is the answer; libraries may print before it.</summary>
    internal static TrainingFigures Read(string output)
    {
        var line = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? "";
        try
        {
            return JsonSerializer.Deserialize<TrainingFigures>(line, Json) ?? throw new UsageException("The peer said nothing.");
        }
        catch (JsonException error)
        {
            throw new UsageException($"The peer's answer cannot be read: {line}", error);
        }
    }

    private static async Task SendAsync(StreamWriter input, string request)
    {
        try
        {
            await input.WriteAsync(request);
            input.Close();
        }
        catch (IOException)
        {
            // It ended without reading; its exit code and its last words say why.
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start) ?? throw new UsageException($"--python {start.FileName} did not start.");
        }
        catch (Win32Exception error)
        {
            throw new UsageException($"--python {start.FileName}: {error.Message}. Name an interpreter that has torch, or leave --peer out.", error);
        }
    }

    private static string LastLines(string text) => string.Join('\n', text.Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(5));
}
