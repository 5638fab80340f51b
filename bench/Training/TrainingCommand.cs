using TorchSharp;

namespace ContinualService.Bench.Training;

/// <summary><c>bench training</c>: how fast a LoRA is trained, how much memory that takes, and how far it is from what the machine's matrix products allow.</summary>
public static class TrainingCommand
{
    /// <exception cref="UsageException">An option is wrong, the device cannot be used, or the peer failed.</exception>
    public static async Task<int> RunAsync(Arguments arguments)
    {
        var settings = TrainingSettings.Parse(arguments);
        torch.set_num_threads(settings.Threads);

        // The peer first, and gone before we begin: neither has to share the device's memory.
        var peer = settings.Peer ? await TrainingPeer.RunAsync(settings) : null;
        if (settings.OnGpu && !torch.cuda.is_available()) throw new UsageException($"--device {settings.Device}: libtorch finds no such device; look at nvidia-smi, and at docs/performance.md for a build with CUDA.");
        var ours = EngineTraining.Run(settings);
        var gemm = GemmRate.Measure(torch.device(settings.Device), settings.DType);
        var config = TrainingShapes.Config(settings.Shape);
        var operations = TrainingShapes.OperationsPerToken(config, TrainingShapes.Sites(config, settings.Targets), settings.Rank, LengthList.PerToken(settings.Lengths));

        var report = new TrainingReport(settings, operations, gemm, ours, peer);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(settings.ReportFile))!);
        await File.WriteAllTextAsync(settings.ReportFile, report.Markdown());
        await File.WriteAllTextAsync(Path.ChangeExtension(settings.ReportFile, ".json"), report.ToJson());
        Console.WriteLine(report.Markdown());
        return 0;
    }
}
