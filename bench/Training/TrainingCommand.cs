using TorchSharp;

namespace ContinualService.Bench.Training;

/// <summary><c>bench training</c>: how fast a LoRA is trained, how much memory that takes, and how far it is from what the machine's matrix products allow.</summary>
public static class TrainingCommand
{
    /// <summary>The command of the process that trains alone.</summary>
    public const string Alone = "training-alone";

    /// <exception cref="UsageException">An option is wrong, the device cannot be used, or the peer failed.</exception>
    public static async Task<int> RunAsync(Arguments arguments)
    {
        var settings = TrainingSettings.Parse(arguments);

        // One after the other, each in a process of its own with the environment that the service gives: neither shares memory or caches with the other.
        var peer = settings.Peer ? await TrainingProgram.PeerAsync(settings) : null;
        var ours = await TrainingProgram.EngineAsync(settings);
        var config = TrainingShapes.Config(settings.Shape);
        var operations = TrainingShapes.OperationsPerToken(config, TrainingShapes.Sites(config, settings.Targets), settings.Rank, RowSizes.PerToken(settings.Rows), RowSizes.TrainedShare(settings.Rows));

        var report = new TrainingReport(settings, operations, ours, peer);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(settings.ReportFile))!);
        await File.WriteAllTextAsync(settings.ReportFile, report.Markdown());
        await File.WriteAllTextAsync(Path.ChangeExtension(settings.ReportFile, ".json"), report.ToJson());
        Console.WriteLine(report.Markdown());
        return 0;
    }

    /// <summary>The engine's part, whose last line is its figures as JSON.</summary>
    public static int RunAlone(Arguments arguments)
    {
        var settings = TrainingSettings.Parse(arguments);
        torch.set_num_threads(settings.Threads);
        if (settings.OnGpu && !torch.cuda.is_available()) throw new UsageException($"--device {settings.Device}: libtorch finds no such device; look at nvidia-smi, and at docs/performance.md for a build with CUDA.");
        Console.WriteLine(TrainingProgram.Write(EngineTraining.Run(settings)));
        return 0;
    }
}
