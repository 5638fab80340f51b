using System.Diagnostics;
using ContinualService.Bench.Training;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Storage;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Bench.Merging;

/// <summary>What an adapter's next version costs beside its training, as the first tasks and as a late one: start (with its QR), merge, writing the files, storing them; and the memory that takes.
/// The weights are drawn at random: these steps look at no number.</summary>
public static class MergingCommand
{
    public const string Help = """
        merging [--shape 8B] [--method slao,recall,...]
            --shape 15M|110M|1B|8B         shape of the base, which itself is not loaded                          (8B)
            --method A,B,...               methods whose memory is constant, by default those by their defaults; not opcm, whose tasks begin from the base
            --rank 16 --targets all-linear|q_proj,v_proj,...
            --tasks 2,100                  numbers of the task that is merged                                      (2,100)
            --rounds 3                     each measured so often; the median is told                              (3)
            --threads 2
        """;

    public static async Task<int> RunAsync(Arguments arguments)
    {
        var shape = arguments.Text("shape") ?? "8B";
        if (!TrainingShapes.Names.Contains(shape)) throw new UsageException($"--shape {shape}: choose one of {string.Join(", ", TrainingShapes.Names)}.");
        var methods = (arguments.List("method") ?? [.. ContinualMethods.All.Where(method => method.HasConstantMemory).Select(method => method.Name)]).Select(ContinualMethods.Parse).ToList();
        if (methods.FirstOrDefault(method => !method.HasConstantMemory) is { } growing) throw new UsageException($"{growing.Label()} keeps more with every task: it is not what this command measures.");
        var config = new LoraConfig(arguments.Whole("rank", 16), 16, arguments.List("targets") ?? [LoraConfig.AllLinear]);
        var tasks = (arguments.List("tasks") ?? ["2", "100"]).Select(text => int.TryParse(text, out var task) && task >= 2 ? task : throw new UsageException($"--tasks {text}: numbers from 2 on.")).ToList();
        var (rounds, threads) = (arguments.Whole("rounds", 3), arguments.Whole("threads", 2));
        arguments.RefuseOthers();
        set_num_threads(threads);
        var sites = TrainingShapes.Sites(TrainingShapes.Config(shape), config.TargetModules);

        var report = new System.Text.StringBuilder();
        report.Append(FormattableString.Invariant($"# Merging: {shape}, rank {config.Rank} on {string.Join(", ", config.TargetModules)}\n\n"));
        report.Append(FormattableString.Invariant($"float32 on {threads} CPU threads; median of {rounds} rounds. Peak: resident memory above what it was before, of start, merge, writing and storing together.\n\n"));
        report.Append("| method | task | kept, MB | start, s | merge, s | write, s | store, s | all, s | peak, MB |\n|---|---|---|---|---|---|---|---|---|\n");
        foreach (var method in methods)
        {
            foreach (var task in tasks)
            {
                List<Cost> costs = [];
                for (var round = 0; round < rounds; round++) costs.Add(await MeasureAsync(method, config, sites, task));
                Cost Median(Func<Cost, double> by) => costs.OrderBy(by).ElementAt(costs.Count / 2);
                var kept = sizeof(float) * method.StateElements(config, sites, task);
                report.Append(FormattableString.Invariant($"| {method.Label()} | {task} | {kept / 1e6:F0} | {Median(cost => cost.Start).Start:F2} | {Median(cost => cost.Merge).Merge:F2} | {Median(cost => cost.Write).Write:F2} | "))
                    .Append(FormattableString.Invariant($"{Median(cost => cost.Store).Store:F2} | {Median(cost => cost.All).All:F2} | {Median(cost => cost.PeakBytes).PeakBytes / 1e6:F0} |\n"));
                Console.Error.WriteLine($"{method.Label()}, task {task}: measured");
            }
        }

        Console.WriteLine(report);
        return 0;
    }

    private static async Task<Cost> MeasureAsync(IContinualMethod method, LoraConfig config, IReadOnlyList<LinearSite> sites, int task)
    {
        var folder = Directory.CreateTempSubdirectory("bench-merging-").FullName;
        try
        {
            using var generator = new Generator(7, CPU);
            using var device = Small();
            using var previous = Drawn(method, config, sites, task - 1, generator);
            var before = ProcessMemory.ResetPeak();
            var clock = Stopwatch.StartNew();
            using var tuning = method.StartTask(device, config, previous, generator);
            var start = clock.Elapsed.TotalSeconds;
            using (no_grad())
            {
                foreach (var trained in tuning.Trained) trained.add_(0.01);
            }

            clock.Restart();
            using var state = method.FinishTask(config, tuning, previous);
            var merge = clock.Elapsed.TotalSeconds;
            clock.Restart();
            state.Save(Path.Combine(folder, "state.safetensors"), "bench");
            using (var served = state.ServingWeights()) PeftAdapter.Save(folder, state.ServedConfig, served, "bench");
            var write = clock.Elapsed.TotalSeconds;
            clock.Restart();
            var store = new DiskObjectStore(Path.Combine(folder, "store"));
            await store.EnsureBucketAsync(CancellationToken.None);
            foreach (var file in Directory.GetFiles(folder))
            {
                await using var content = File.OpenRead(file);
                await store.PutIfAbsentAsync(content, CancellationToken.None);
            }

            return new Cost(start, merge, write, clock.Elapsed.TotalSeconds, ProcessMemory.PeakBytes() - before);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static AdapterState Drawn(IContinualMethod method, LoraConfig config, IReadOnlyList<LinearSite> sites, int taskIndex, Generator generator)
    {
        using var scope = NewDisposeScope();
        return new AdapterState(config, method, taskIndex, [.. sites.Select(site => new AdapterSite(
            site, method.Layout(config, site, taskIndex).ToDictionary(tensor => tensor.Name, tensor => rand([tensor.Rows, tensor.Columns], generator: generator))))]);
    }

    /// <summary>A base of a few weights: the methods ask it for no more than where it lies.</summary>
    private static Decoder Small()
    {
        var config = ModelConfig.Parse("""
            {"model_type": "llama", "vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1, "max_position_embeddings": 8, "rms_norm_eps": 1e-5, "tie_word_embeddings": true}
            """, null);
        using var generator = new Generator(7, CPU);
        return new Decoder(config, Decoder.CreateWeights(config, generator));
    }

    private sealed record Cost(double Start, double Merge, double Write, double Store, double PeakBytes)
    {
        public double All => Start + Merge + Write + Store;
    }
}
