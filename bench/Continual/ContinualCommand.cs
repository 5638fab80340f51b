using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text;
using ContinualService.Engine.Training;
using TorchSharp;

namespace ContinualService.Bench.Continual;

/// <summary>The continual-learning benchmark, from the command line to the report:
/// <list type="number">
/// <item>Load the base and encode the tasks of the orders.</item>
/// <item>List the runs: every order, learning rate, method and seed; take over those already stored with the same settings.</item>
/// <item>Run the others, several at a time, storing each when it is done.</item>
/// <item>Print and save the reports: one for each order, and, of several orders, the study of all.</item>
/// </list></summary>
public static class ContinualCommand
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };

    public static int Run(Arguments arguments)
    {
        var settings = ContinualSettings.Parse(arguments);
        torch.set_num_threads(settings.Threads);
        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, press) =>
        {
            press.Cancel = true;
            stop.Cancel();
        };

        // Step 1: base and tasks.
        if (!Directory.Exists(settings.ModelFolder)) throw new UsageException($"--model {settings.ModelFolder} is not a folder.");
        var tokenizer = Tokenizer.Load(settings.ModelFolder);
        if (!Directory.Exists(settings.DataFolder)) throw new UsageException($"--data {settings.DataFolder} is not a folder.");
        var chat = ChatFormat.Load(settings.ModelFolder, tokenizer);
        ITaskSource source = File.Exists(Path.Combine(settings.DataFolder, IndexedTasks.IndexFile)) ? new IndexedTasks(settings, tokenizer, chat) : new TaskFiles(settings, tokenizer, chat);
        var named = OrderChoice.Of(settings, source);
        var tasks = named.SelectMany(order => order.Tasks).Distinct().ToDictionary(name => name, source.Read);
        var digest = ModelDigest.Of(settings.ModelFolder);
        using var decoder = Load(BaseHolding.Resident);
        using var held = settings.Base == BaseHolding.Resident ? null : Load(settings.Base);
        var meter = new WorkMeter(Console.Out, redraws: !Console.IsOutputRedirected);
        var untrained = new ConcurrentDictionary<string, Lazy<StreamRunner.Scored>>();
        var orders = named.Select(order =>
        {
            IReadOnlyList<BenchTask> own = [.. order.Tasks.Select(name => tasks[name])];
            return new PlannedOrder(order.Name, own, new StreamRunner(settings, decoder, held ?? decoder, tokenizer, order.Name, own, untrained, meter));
        }).ToList();
        foreach (var order in orders) Console.WriteLine($"{order.Name}: {string.Join(" -> ", order.Tasks.Select(task => $"{task.Name} ({task.Train.Count} + {task.Scored.Count} rows, {task.CutRows} cut)"))}");

        // Step 2: what is to be run. Seed by seed and method by method: whatever is done when it is stopped compares the methods fairly, and runs side by side rarely wait for the same first task.
        var rates = settings.SweptLearningRates.Count > 0 ? settings.SweptLearningRates : [settings.Training.LearningRate];
        var planned = (from rate in rates
                       from seed in settings.Seeds
                       from order in orders
                       from method in settings.Methods
                       let options = settings.Training with { LearningRate = rate }
                       let hash = SettingsHash(settings, options, method, seed, digest, order.Tasks)
                       select new PlannedRun(order, method, seed, options, hash, Path.Combine(settings.OutFolder, "runs", $"{order.Name}-{method.Replace(':', '-')}-s{seed}-{hash}.json"))).ToList();
        Directory.CreateDirectory(Path.Combine(settings.OutFolder, "runs"));
        var results = new ConcurrentDictionary<PlannedRun, RunResult>();
        foreach (var run in planned.Where(run => File.Exists(run.File))) results[run] = JsonSerializer.Deserialize<RunResult>(File.ReadAllText(run.File), Json)!;
        if (!results.IsEmpty) Console.WriteLine($"{results.Count} of {planned.Count} runs are stored already with these settings and are not repeated.");

        // Step 3: run.
        var open = new ConcurrentQueue<PlannedRun>(planned.Where(run => !results.ContainsKey(run)));
        var sharing = open.Where(run => run.Order.Runner.SharesFirstTask(run.Method)).ToList();
        var repeated = sharing.Count - sharing.Select(run => (run.Order, run.Seed, run.Options.LearningRate)).Distinct().Count();
        if (!open.IsEmpty) meter.Plan(tasks.Values.Sum(orders[0].Runner.ScoringUnits) + open.Sum(run => run.Order.Runner.UnitsOf(run.Method)) - (repeated * orders.Average(order => order.Runner.UnitsOfFirstTask)));
        InParallel(settings, open, stop, run =>
        {
            var result = run.Order.Runner.Run(run.Method, run.Seed, run.Options, run.Hash, stop.Token);
            results[run] = result;
            File.WriteAllText(run.File + ".part", JsonSerializer.Serialize(result, Json));
            File.Move(run.File + ".part", run.File, overwrite: true);
            meter.Say(FormattableString.Invariant($"{run.Order.Name}, {run.Method} seed {run.Seed} lr {run.Options.LearningRate:G3} done: AA {result.Summary.AverageAccuracy:F4}, BWT {result.Summary.BackwardTransfer:F4}"));
        });
        if (stop.IsCancellationRequested)
        {
            Console.WriteLine("\nStopped. Finished runs are stored: the same command goes on from there.");
            return 130;
        }

        // Step 4: report.
        var suffix = settings.SweptLearningRates.Count > 0 ? "-sweep" : "";
        foreach (var order in orders)
        {
            IReadOnlyList<RunResult> runs = [.. planned.Where(run => run.Order == order).Select(run => results[run])];
            var report = ContinualReport.Markdown(order.Name, settings, digest, order.Tasks, runs);
            Save(order.Name + suffix, report, new { order = order.Name, baseDigest = digest, settings, formulas = Domain.Evaluation.ContinualMetrics.Formulas, runs });
            if (orders.Count == 1) Console.WriteLine("\n" + report);
        }

        if (orders.Count == 1) return 0;
        var study = new ContinualStudy(settings, [.. planned.Select(run => results[run])]);
        var text = StudyReport.Markdown(study, digest);
        Save("study" + suffix, text, new { baseDigest = digest, settings, formulas = Domain.Evaluation.ContinualMetrics.Formulas, study.Methods, study.Differences });
        foreach (var (name, svg) in StudyPlots.Draw(study)) File.WriteAllText(Path.Combine(settings.OutFolder, $"study{suffix}-{name}.svg"), svg);
        Console.WriteLine("\n" + text);
        return 0;

        Engine.Models.Decoder Load(BaseHolding holding) =>
            Engine.Models.Decoder.Load(settings.ModelFolder, ModelConfig.Load(settings.ModelFolder), torch.device(settings.Device), holding.ComputesIn(torch.ScalarType.Float32), holding);

        void Save(string name, string report, object data)
        {
            var path = Path.Combine(settings.OutFolder, name);
            File.WriteAllText(path + ".md", report);
            File.WriteAllText(path + ".json", JsonSerializer.Serialize(data, Json));
            Console.WriteLine($"Saved: {path}.md and {path}.json");
        }
    }

    /// <summary>Threads of their own rather than the pool's: each computes for minutes. The first error stops all and is thrown here.</summary>
    private static void InParallel(ContinualSettings settings, ConcurrentQueue<PlannedRun> open, CancellationTokenSource stop, Action<PlannedRun> run)
    {
        ExceptionDispatchInfo? failure = null;
        var threads = Enumerable.Range(0, settings.Parallel).Select(_ => new Thread(() =>
        {
            torch.set_num_threads(settings.Threads); // the setting belongs to each thread
            while (!stop.IsCancellationRequested && open.TryDequeue(out var next))
            {
                try
                {
                    run(next);
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested)
                {
                    return;
                }
                catch (Exception error) // handed to the main thread below
                {
                    failure ??= ExceptionDispatchInfo.Capture(error);
                    stop.Cancel();
                }
            }
        })).ToList();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        failure?.Throw();
    }

    /// <summary>Hash of all that decides a run's numbers: base, rows, adapter, tuning, method, seed, and the threads (another count rounds differently).</summary>
    private static string SettingsHash(ContinualSettings settings, TrainingOptions options, string method, long seed, string digest, IReadOnlyList<BenchTask> tasks)
    {
        var text = JsonSerializer.Serialize(new
        {
            digest,
            tasks = tasks.Select(task => new { task.Name, task.Digest }),
            settings.Lora,
            options,
            method,
            seed,
            settings.Threads,
            // As it was before there was another way to hold the base.
            Device = settings.Device + (settings.Base == BaseHolding.Resident ? "" : $" {settings.Base.Write()}"),
            settings.LabelLikelihood,
        }, Json);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..12];
    }

    private sealed record PlannedOrder(string Name, IReadOnlyList<BenchTask> Tasks, StreamRunner Runner);

    private sealed record PlannedRun(PlannedOrder Order, string Method, long Seed, TrainingOptions Options, string Hash, string File);
}
