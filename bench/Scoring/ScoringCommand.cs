using System.Diagnostics;
using System.Globalization;
using System.Text;
using ContinualService.Bench.Training;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.TestKit;
using ContinualService.Worker.Processes;
using TorchSharp;
using Decoder = ContinualService.Engine.Models.Decoder;

namespace ContinualService.Bench.Scoring;

/// <summary><c>bench scoring</c>: how fast held-out rows are scored, in each of the ways that metrics do it, with one thread and with several in turn, against what the machine's matrix products allow.</summary>
public static class ScoringCommand
{
    public const string Help = """
        scoring                            tokens a second of scoring held-out rows, with one thread and with several in turn, and the share of the arithmetic limit
            --shape 110M                   15M or 110M, random weights
            --dtype f32                    f32 or bf16
            --rank 8                       of the LoRA, on all linears
            --rows 100                     rows of a task
            --data FILE                    a task file: its rows' lengths and answers; without it every row is full, its last eighth the answer
            --sequence 256                 tokens of a row; the longest one with --data
            --tokenizer FOLDER             the model folder that counts the tokens of --data (../shared/models/bench-llama)
            --labels 4                     labels to choose from, 3 tokens each
            --threads 2                    of the CPU
            --rounds 5                     each in turn so often; medians
        """;

    /// <summary>The command of the process that measures, with the environment that the service gives a training process.</summary>
    public const string Alone = "scoring-alone";

    private const int LabelTokens = 3;

    private sealed record Settings(string Shape, torch.ScalarType Type, int Rank, IReadOnlyList<BenchRow> Rows, int Labels, int Threads, int Rounds);

    /// <param name="Name">What is computed.</param>
    /// <param name="Tokens">Real ones that go through the blocks.</param>
    /// <param name="Heads">Those of them whose logits are computed.</param>
    /// <param name="Length">That attention meets per token.</param>
    /// <param name="Run">It.</param>
    private sealed record Way(string Name, long Tokens, long Heads, double Length, Action Run);

    /// <exception cref="UsageException">An option is wrong.</exception>
    public static async Task<int> RunAsync(Arguments arguments, IReadOnlyList<string> words)
    {
        var settings = Parse(arguments);
        var start = new ProcessStartInfo(ProcessEnvironment.DotnetHost(), ["exec", typeof(ScoringCommand).Assembly.Location, Alone, .. words]);
        ProcessEnvironment.Set(start.Environment, settings.Threads);
        using var process = Process.Start(start) ?? throw new UsageException($"{start.FileName} did not start.");
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    public static int RunAlone(Arguments arguments)
    {
        var settings = Parse(arguments);
        var config = TrainingShapes.Config(settings.Shape);
        using var decoder = RandomDecoder.Create(config, torch.CPU, settings.Type);
        using var generator = new torch.Generator(1);
        using var lora = LoraWeights.CreateFresh(decoder, new LoraConfig(settings.Rank, 2 * settings.Rank, [LoraConfig.AllLinear]), generator);
        int[] counts = [1, settings.Threads];
        var rates = Array.ConvertAll(counts, threads => Rate(threads, settings.Type));
        var report = new StringBuilder(FormattableString.Invariant($"# Scoring: {settings.Shape}, {settings.Type}, {settings.Rows.Count} rows, {settings.Rows.Average(row => row.Length):F0} tokens on average\n\n"));
        report.Append(FormattableString.Invariant($"Large products: {rates[0] / 1e9:F0} GFLOP/s with one thread, {rates[1] / 1e9:F0} with {settings.Threads}. Medians of {settings.Rounds}.\n\n"));
        report.Append(FormattableString.Invariant($"| | tokens | tokens/s, 1 thread | share of the limit | {settings.Threads} threads | share of the limit | ratio |\n|---|---|---|---|---|---|---|\n"));
        foreach (var way in Ways(decoder, lora, settings))
        {
            Console.Error.WriteLine(way.Name);
            var seconds = Array.ConvertAll(counts, _ => new List<double>());
            for (var round = -1; round < settings.Rounds; round++)
            {
                for (var i = 0; i < counts.Length; i++)
                {
                    torch.set_num_threads(counts[i]);
                    var began = Stopwatch.GetTimestamp();
                    way.Run();
                    if (round >= 0) seconds[i].Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
                }
            }

            var medians = Array.ConvertAll(seconds, each => each.Order().ElementAt(each.Count / 2));
            var shares = Enumerable.Range(0, 2).Select(i => Operations(config, settings.Rank, way) / medians[i] / rates[i]).ToList();
            report.Append(CultureInfo.InvariantCulture, $"| {way.Name} | {way.Tokens} | {way.Tokens / medians[0]:F0} | {shares[0]:P1} | {way.Tokens / medians[1]:F0} | {shares[1]:P1} | {medians[0] / medians[1]:F2} |\n");
        }

        Console.WriteLine(report);
        return 0;
    }

    private static IEnumerable<Way> Ways(Decoder decoder, LoraWeights lora, Settings settings)
    {
        var random = new Random(1);
        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(3, decoder.Config.VocabularySize))];
        List<int[]> rows = [.. settings.Rows.Select(row => Ids(row.Length))], prompts = [.. rows.Zip(settings.Rows, (ids, row) => ids[..^row.Trained])], labels = [.. Enumerable.Range(0, settings.Labels).Select(_ => Ids(LabelTokens))];
        var (longest, ofPrompts) = (settings.Rows.Max(row => row.Trained), prompts.Sum(ids => (long)ids.Length));
        long OfLabels(int each) => (long)prompts.Count * labels.Count * each;
        yield return new Way("whole rows (`loss`)", rows.Sum(ids => (long)ids.Length), settings.Rows.Sum(row => (long)row.Trained), RowSizes.PerToken(settings.Rows), () => SequenceScorer.LogProbabilities(decoder, lora, rows, [.. settings.Rows.Select(row => row.Length - row.Trained)]));
        yield return new Way(
            FormattableString.Invariant($"{labels.Count} labels (`label_likelihood`)"), ofPrompts + OfLabels(LabelTokens - 1), prompts.Count + OfLabels(LabelTokens - 1), RowSizes.PerToken(settings.Rows),
            () => ContinuationScorer.MeanLogProbabilities(decoder, lora, prompts, labels));
        yield return new Way(
            FormattableString.Invariant($"answers of {longest} tokens (`exact_match`)"), ofPrompts + ((long)prompts.Count * (longest - 1)), (long)prompts.Count * longest, RowSizes.PerToken(settings.Rows),
            () => GreedyGenerator.Generate(decoder, lora, prompts, longest, []));
    }

    /// <summary>That scoring cannot do without: 2 for each weight of the blocks and of the LoRA, causal attention, and the head. Where no logits are asked for, the last block gives keys and values alone.</summary>
    private static double Operations(ModelConfig config, int rank, Way way)
    {
        var sites = DecoderLayout.Linears(config);
        double Each(IEnumerable<LinearSite> some) => 2 * some.Sum(site => ((double)site.InFeatures * site.OutFeatures) + (rank * (site.InFeatures + site.OutFeatures)));
        var last = Each(sites.TakeLast(DecoderLayout.BlockLinears.Length).Skip(3)); // after queries, keys and values
        var attention = 2 * way.Length * config.HeadCount * config.HeadWidth * config.LayerCount;
        return (way.Tokens * (Each(sites) - last + attention)) + (way.Heads * (last + (2.0 * config.HiddenSize * config.VocabularySize)));
    }

    private static double Rate(int threads, torch.ScalarType type)
    {
        torch.set_num_threads(threads);
        return GemmRate.Measure(torch.CPU, type);
    }

    private static Settings Parse(Arguments arguments)
    {
        var (shape, type, data, sequence, count) = (arguments.Text("shape") ?? "110M", arguments.Text("dtype") ?? "f32", arguments.Text("data"), arguments.Whole("sequence", 256), arguments.Whole("rows", 100));
        var (rank, tokenizer, labels, threads, rounds) = (arguments.Whole("rank", 8), arguments.Text("tokenizer") ?? "../shared/models/bench-llama", arguments.Whole("labels", 4), arguments.Whole("threads", 2), arguments.Whole("rounds", 5));
        arguments.RefuseOthers();
        if (shape is not ("15M" or "110M")) throw new UsageException("--shape: 15M or 110M.");
        if (type is not ("f32" or "bf16")) throw new UsageException("--dtype: f32 or bf16.");
        if (sequence is < 16 or > 8192) throw new UsageException("--sequence: 16 to 8192.");
        if (rank < 1 || count < 1 || labels < 1 || threads < 2 || rounds < 1) throw new UsageException("--rank, --rows, --labels and --rounds are at least 1, --threads 2.");
        IReadOnlyList<BenchRow> rows = data is null ? [.. Enumerable.Repeat(new BenchRow(sequence, sequence / 8), count)] : RowSizes.Of(data, tokenizer, sequence, count);
        return new Settings(shape, type == "bf16" ? torch.bfloat16 : torch.float32, rank, rows, labels, threads, rounds);
    }
}
