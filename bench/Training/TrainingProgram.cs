using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Text.Json;
using ContinualService.TestKit;
using ContinualService.Worker.Processes;

namespace ContinualService.Bench.Training;

/// <summary>Runs one of the programs that are compared, with the environment that the service gives a training process.</summary>
internal static class TrainingProgram
{
    public const string PeerScript = "bench/Training/peer.py";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>The same training in PyTorch.</summary>
    /// <exception cref="UsageException">It cannot be run, or it failed.</exception>
    public static async Task<TrainingFigures> PeerAsync(TrainingSettings settings)
    {
        var start = new ProcessStartInfo(settings.Python, Checkout.PathOf(PeerScript));
        // OpenBLAS, which Debian's PyTorch computes with, takes its slower products on an AMD processor unless it is told.
        if (Vector512.IsHardwareAccelerated) start.Environment["OPENBLAS_CORETYPE"] = "SKYLAKEX";
        return await RunAsync(start, settings, Request(settings), "The peer", $"--python {settings.Python}: name an interpreter that has torch, or leave --peer out.");
    }

    /// <summary>The trainer of the service, and what a large product reaches there.</summary>
    /// <exception cref="UsageException">It failed.</exception>
    public static async Task<TrainingFigures> EngineAsync(TrainingSettings settings)
    {
        var start = new ProcessStartInfo(ProcessEnvironment.DotnetHost(), ["exec", typeof(TrainingProgram).Assembly.Location, TrainingCommand.Alone, .. settings.Words(peer: false)]);
        return await RunAsync(start, settings, "", "The training", "It needs the .NET host that runs this program.");
    }

    internal static string Write(TrainingFigures figures) => JsonSerializer.Serialize(figures, Json);

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
            Lengths = settings.Rows.Select(row => row.Length),
            Trained = settings.Rows.Select(row => row.Trained),
        },
        Json);

    /// <summary>The last line is the answer; libraries may print before it.</summary>
    internal static TrainingFigures Read(string output)
    {
        var line = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? "";
        try
        {
            return JsonSerializer.Deserialize<TrainingFigures>(line, Json) ?? throw new UsageException("It said nothing.");
        }
        catch (JsonException error)
        {
            throw new UsageException($"Its answer cannot be read: {line}", error);
        }
    }

    private static async Task<TrainingFigures> RunAsync(ProcessStartInfo start, TrainingSettings settings, string request, string name, string mend)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        ProcessEnvironment.Set(start.Environment, settings.Threads);
        using var process = Start(start, mend);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await SendAsync(process.StandardInput, request);
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new UsageException($"{name} ended with code {process.ExitCode}: {LastLines(await errors)}");
        return Read(await output);
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

    private static Process Start(ProcessStartInfo start, string mend)
    {
        try
        {
            return Process.Start(start) ?? throw new UsageException($"{start.FileName} did not start. {mend}");
        }
        catch (Win32Exception error)
        {
            throw new UsageException($"{start.FileName}: {error.Message}. {mend}", error);
        }
    }

    private static string LastLines(string text) => string.Join('\n', text.Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(5));
}
