using System.Globalization;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;

namespace ContinualService.Bench.Continual;

/// <summary>Everything the command line says about a continual-learning benchmark.</summary>
public sealed record ContinualSettings
{
    public const string Help = """
        continual --data DIR --model DIR [--order O1|O1,O2|all|task,task,...] --method slao,seqlora --seeds 3
            --data DIR                     a folder with tasks.json, or with files NAME.train.jsonl and NAME.eval.jsonl as the service takes them
            --orders FILE                  JSON {"name": ["task", ...]}: named orders in place of tasks.json's; with it, --order may be absent: all of them
            --method A,B,...               methods of docs/methods.md, with options after colons (slao:init=random,ewc:lambda=10), and the bounds base and multitask
            --seeds N | a,b,c              N seeds from 42 on, or these                                          (3)
            --against METHOD               several orders: what the others are compared with, pair by pair            (slao, or the first)
            --split test|dev               rows that are scored                                                  (test)
            --rows N                       training rows per task, the first N                                   (500)
            --evaluation-rows N            scored rows per task, the first N                                     (150)
            --label-likelihood             a second matrix: the likeliest label instead of the generated answer
            --learning-rate --epochs --batch-size --micro-batch-size --schedule constant|linear|cosine --warmup-fraction --weight-decay
            --max-grad-norm --dropout      as in TrainingOptions, with its defaults but rate 1e-3 and batches of 4
            --rank 8 --alpha 16 --targets all-linear|q_proj,v_proj,...
            --max-sequence-length N        tokens of prompt and answer; a longer input loses its end              (128)
            --sweep-learning-rates a,b,c   the regime: every rate with every method and seed, on dev rows
            --base full|bfloat16|int8|int4 --offload  how the frozen base is held to train on (full); scores are those of the whole base
            --threads 1 --parallel 2       threads of each run, and runs at a time
            --device cpu|cuda  --out DIR   where results go; a finished run with the same settings is not repeated (results/continual)
        """;

    public required string DataFolder { get; init; }
    public required string ModelFolder { get; init; }
    public string? OrdersFile { get; init; }
    public string? Order { get; init; }
    public required IReadOnlyList<string> Methods { get; init; }

    /// <summary>One of <see cref="Methods"/>.</summary>
    public required string Against { get; init; }

    public required IReadOnlyList<long> Seeds { get; init; }
    public required string Split { get; init; }
    public required int Rows { get; init; }
    public required int EvaluationRows { get; init; }
    public bool LabelLikelihood { get; init; }
    public required TrainingOptions Training { get; init; }
    public required LoraConfig Lora { get; init; }
    public required int MaxSequenceLength { get; init; }
    public required IReadOnlyList<double> SweptLearningRates { get; init; }
    public required int Threads { get; init; }
    public required int Parallel { get; init; }
    public required string Device { get; init; }
    public required BaseHolding Base { get; init; }
    public required string OutFolder { get; init; }

    /// <exception cref="UsageException">An option is missing, unknown or out of range.</exception>
    public static ContinualSettings Parse(Arguments arguments)
    {
        var defaults = new TrainingOptions();
        var sweep = arguments.List("sweep-learning-rates") ?? [];
        try
        {
            var maxSequenceLength = arguments.Whole("max-sequence-length", 128);
            IReadOnlyList<string> methods = [.. (arguments.List("method") ?? ["slao", "seqlora"]).Select(Label).Distinct()];
            var against = arguments.Text("against") is { } named ? Label(named) : methods.Contains("slao") ? "slao" : methods[0];
            var settings = new ContinualSettings
            {
                DataFolder = arguments.Required("data"),
                ModelFolder = arguments.Required("model"),
                OrdersFile = arguments.Text("orders"),
                Order = arguments.Text("order"),
                Methods = methods,
                Against = methods.Contains(against) ? against : throw new UsageException($"--against {against}: it is not among the methods that run ({string.Join(", ", methods)})."),
                Seeds = Seedlist(arguments.Text("seeds") ?? "3"),
                // A rate is chosen on dev rows only: a sweep never sees the test rows.
                Split = sweep.Count > 0 ? "dev" : arguments.Text("split") ?? "test",
                Rows = arguments.Whole("rows", 500),
                EvaluationRows = arguments.Whole("evaluation-rows", 150),
                LabelLikelihood = arguments.Flag("label-likelihood"),
                Training = new TrainingOptions
                {
                    LearningRate = arguments.Real("learning-rate", 1e-3),
                    Epochs = arguments.Whole("epochs", defaults.Epochs),
                    BatchSize = arguments.Whole("batch-size", 4),
                    MicroBatches = arguments.Text("micro-batch-size") is null ? [] : [new MicroBatching(1, arguments.Whole("micro-batch-size", 0), Recomputes: false)],
                    Schedule = Enum.Parse<LearningRateSchedule>(arguments.Text("schedule") ?? defaults.Schedule.ToString(), ignoreCase: true),
                    WarmupFraction = arguments.Real("warmup-fraction", defaults.WarmupFraction),
                    WeightDecay = arguments.Real("weight-decay", defaults.WeightDecay),
                    MaxGradNorm = arguments.Real("max-grad-norm", defaults.MaxGradNorm),
                    Dropout = arguments.Real("dropout", defaults.Dropout),
                    MaxSequenceLength = maxSequenceLength,
                },
                Lora = new LoraConfig(arguments.Whole("rank", 8), arguments.Real("alpha", 16), arguments.List("targets") ?? [LoraConfig.AllLinear]),
                MaxSequenceLength = maxSequenceLength,
                SweptLearningRates = [.. sweep.Select(rate => double.Parse(rate, CultureInfo.InvariantCulture))],
                Threads = arguments.Whole("threads", 1),
                Parallel = arguments.Whole("parallel", 2),
                Device = arguments.Text("device") ?? "cpu",
                Base = arguments.Holding(),
                OutFolder = arguments.Text("out") ?? Path.Combine("results", "continual"),
            };
            arguments.RefuseOthers();
            if (settings.Training.MicroBatches is [var way] && (way.Rows < 1 || way.Rows > settings.Training.BatchSize)) throw new UsageException($"--micro-batch-size {way.Rows}: 1 to --batch-size ({settings.Training.BatchSize}).");
            settings.Training.Validate();
            if (settings.Split is not ("test" or "dev")) throw new UsageException($"--split {settings.Split}: test or dev.");
            return settings;
        }
        catch (Exception error) when (error is ArgumentException or FormatException)
        {
            throw new UsageException(error.Message, error);
        }
    }

    private static string Label(string text) => Bounds.Names.Contains(text) ? text : ContinualMethods.Parse(text).Label();

    private static List<long> Seedlist(string text)
    {
        var numbers = text.Split(',').Select(seed => long.Parse(seed, CultureInfo.InvariantCulture)).ToList();
        return numbers.Count > 1 ? numbers : [.. Enumerable.Range(0, (int)numbers[0]).Select(index => 42L + index)];
    }
}
