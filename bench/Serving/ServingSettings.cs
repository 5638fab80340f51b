using System.Globalization;

namespace ContinualService.Bench.Serving;

/// <summary>What the command line says about the benchmark of generation.</summary>
public sealed record ServingSettings
{
    public const string Help = """
        serving                            generation with adapters beside llama.cpp: same weights, same threads, in turns
            --shape 110M                   110M or 15M, float32, random weights
            --adapters 16                  different adapters (rank 8, all linears), one request each at once
            --prompt 32 --new-tokens 64    tokens of a request; with llama.cpp at most 512
            --rounds 5                     turns of each; the report has medians
            --threads 2
            --report FILE                  figures as Markdown (results/serving.md)
        """;

    public required string Shape { get; init; }
    public required int Adapters { get; init; }
    public required int Prompt { get; init; }
    public required int NewTokens { get; init; }
    public required int Rounds { get; init; }
    public required int Threads { get; init; }
    public required string ReportFile { get; init; }

    /// <exception cref="UsageException">An option is unknown or out of range.</exception>
    public static ServingSettings Parse(Arguments arguments)
    {
        var settings = new ServingSettings
        {
            Shape = arguments.Text("shape") ?? "110M",
            Adapters = arguments.Whole("adapters", 16),
            Prompt = arguments.Whole("prompt", 32),
            NewTokens = arguments.Whole("new-tokens", 64),
            Rounds = arguments.Whole("rounds", 5),
            Threads = arguments.Whole("threads", 2),
            ReportFile = arguments.Text("report") ?? Path.Combine("results", "serving.md"),
        };
        arguments.RefuseOthers();
        if (!BenchModel.Shapes.ContainsKey(settings.Shape)) throw new UsageException($"--shape: one of {string.Join(", ", BenchModel.Shapes.Keys)}.");
        if (settings.Adapters < 1 || settings.Prompt < 1 || settings.Rounds < 1 || settings.Threads < 1) throw new UsageException("--adapters, --prompt, --rounds and --threads must be above 0.");
        if (settings.NewTokens < 2 || settings.Prompt + settings.NewTokens > 512) throw new UsageException("--new-tokens: at least 2, and with --prompt at most 512.");
        return settings;
    }

    /// <summary>The command that repeats this run.</summary>
    public string Command() => string.Create(
        CultureInfo.InvariantCulture,
        $"dotnet run -c Release --project bench -- serving --shape {Shape} --adapters {Adapters} --prompt {Prompt} --new-tokens {NewTokens} --rounds {Rounds} --threads {Threads}");
}
