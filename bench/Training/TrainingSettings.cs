using System.Globalization;
using ContinualService.Domain;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;

namespace ContinualService.Bench.Training;

/// <summary>What the command line says about the benchmark of training.</summary>
public sealed record TrainingSettings
{
    public const string Help = """
        training                           tokens a second and memory of LoRA training, the share of the arithmetic limit, and a peer in PyTorch
            --shape 15M                    15M, 110M, 1B or 8B (the last two as Llama 3.2 1B and 3.1 8B), random weights
            --device cpu                   cpu, cuda or cuda:N
            --dtype f32                    f32 or bf16: what the base computes in; the LoRA's masters are float32 either way
            --rank 8
            --targets all-linear           or names, q_proj,v_proj
            --sequence 256                 tokens of a row; the longest one with --data
            --data FILE                    a task file: its rows' lengths and answers; without it every row is full and trained whole
            --tokenizer FOLDER             the model folder that counts the tokens of --data (../shared/models/bench-llama)
            --batch 8                      rows of a step
            --micro-batch N                rows of a forward pass (all of the step's)
            --recompute                    gradient checkpointing: each block's forward pass is run once more for its gradient
            --base full                    full, bfloat16, int8 or int4: in what numbers the frozen base is kept; the peer's stays that of --dtype
            --offload                      the base's blocks lie in the host's memory and are copied for each run
            --steps 10                     counted steps; 2 more come before them
            --threads 2                    of the CPU
            --peer                         first the same in PyTorch, with PEFT and transformers where they are installed
            --python python3               the interpreter of the peer
            --report FILE                  figures as Markdown (results/training.md), and beside it as JSON
        """;

    /// <summary>Steps that are not counted: allocators and libraries take their time for the first ones.</summary>
    public const int Warmup = 2;

    public required string Shape { get; init; }
    public required string Device { get; init; }
    public required string Type { get; init; }
    public required int Rank { get; init; }
    public required IReadOnlyList<string> Targets { get; init; }
    public required int Sequence { get; init; }
    public required string? DataFile { get; init; }
    public required string Tokenizer { get; init; }
    public required int Batch { get; init; }
    public required int? MicroBatch { get; init; }
    public required bool Recompute { get; init; }
    public required BaseHolding Base { get; init; }
    public required int Steps { get; init; }
    public required int Threads { get; init; }
    public required bool Peer { get; init; }
    public required string Python { get; init; }
    public required string ReportFile { get; init; }

    public bool OnGpu => Device != "cpu";

    internal torch.ScalarType DType => Base.ComputesIn(Type == "bf16" ? torch.ScalarType.BFloat16 : torch.ScalarType.Float32);

    /// <summary>The rows of all steps.</summary>
    internal IReadOnlyList<BenchRow> Rows { get; private init; } = [];

    /// <exception cref="UsageException">An option is unknown or out of range.</exception>
    public static TrainingSettings Parse(Arguments arguments)
    {
        var (sequence, batch, steps) = (arguments.Whole("sequence", 256), arguments.Whole("batch", 8), arguments.Whole("steps", 10));
        var (data, tokenizer) = (arguments.Text("data"), arguments.Text("tokenizer") ?? "../shared/models/bench-llama");
        if (sequence is < 2 or > 8192) throw new UsageException("--sequence: 2 to 8192.");
        if (batch is < 1 or > 4096 || steps < 1) throw new UsageException("--batch: 1 to 4096; --steps: 1 or more.");
        var settings = new TrainingSettings
        {
            Shape = arguments.Text("shape") ?? "15M",
            Device = arguments.Text("device") ?? "cpu",
            Type = arguments.Text("dtype") ?? "f32",
            Rank = arguments.Whole("rank", 8),
            Targets = arguments.List("targets") ?? [LoraConfig.AllLinear],
            Sequence = sequence,
            DataFile = data,
            Tokenizer = tokenizer,
            Batch = batch,
            MicroBatch = arguments.Text("micro-batch") is null ? null : arguments.Whole("micro-batch", 0),
            Recompute = arguments.Flag("recompute"),
            Base = arguments.Holding(),
            Steps = steps,
            Threads = arguments.Whole("threads", 2),
            Peer = arguments.Flag("peer"),
            Python = arguments.Text("python") ?? "python3",
            ReportFile = arguments.Text("report") ?? Path.Combine("results", "training.md"),
            Rows = data is null ? RowSizes.Full(sequence, batch * (steps + Warmup)) : RowSizes.Of(data, tokenizer, sequence, batch * (steps + Warmup)),
        };
        arguments.RefuseOthers();
        if (!TrainingShapes.Names.Contains(settings.Shape)) throw new UsageException($"--shape: one of {string.Join(", ", TrainingShapes.Names)}.");
        if (settings.Type is not ("f32" or "bf16")) throw new UsageException("--dtype: f32 or bf16.");
        if (settings.Device is not ("cpu" or "cuda") && !(settings.Device.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(settings.Device.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out _)))
            throw new UsageException("--device: cpu, cuda or cuda:N.");
        TrainingShapes.Sites(TrainingShapes.Config(settings.Shape), settings.Targets);
        if (settings.Rank < 1 || settings.Threads < 1) throw new UsageException("--rank and --threads must be above 0.");
        if (settings.MicroBatch is { } micro && (micro < 1 || micro > batch)) throw new UsageException("--micro-batch: 1 to --batch.");
        return settings;
    }

    /// <summary>The command that repeats this run.</summary>
    public string Command() => $"dotnet run -c Release --project bench -- training {string.Join(' ', Words(Peer))}";

    /// <summary>The options, each as one word.</summary>
    /// <param name="peer">Whether the peer runs as well.</param>
    internal IReadOnlyList<string> Words(bool peer) =>
    [
        "--shape", Shape, "--device", Device, "--dtype", Type, "--rank", Text(Rank), "--targets", string.Join(',', Targets), "--sequence", Text(Sequence), "--batch", Text(Batch), "--steps", Text(Steps), "--threads", Text(Threads),
        .. DataFile is null ? [] : (string[])["--data", DataFile, "--tokenizer", Tokenizer],
        .. Base.Format == BaseFormat.Full ? [] : (string[])["--base", WireName.Of(Base.Format)],
        .. Base.Offload ? (string[])["--offload"] : [],
        .. MicroBatch is { } rows ? (string[])["--micro-batch", Text(rows)] : [],
        .. Recompute ? (string[])["--recompute"] : [],
        .. peer ? (string[])["--peer"] : [],
    ];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
