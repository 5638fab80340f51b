using ContinualService.Engine.Data;
using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Text;

namespace ContinualService.Bench.Continual;

/// <summary>
/// A folder of anybody's task files in the formats that the service takes: NAME.train.jsonl (or .json, .csv) with NAME.eval.jsonl beside it, and for <c>--split dev</c> dev/NAME.dev.jsonl.
/// The metric is the one that the service picks. The one order there is without <c>--orders</c> is that of the names.
/// </summary>
public sealed class TaskFiles(ContinualSettings settings, Tokenizer tokenizer, ChatFormat chat) : ITaskSource
{
    private static readonly string[] Endings = [".jsonl", ".json", ".csv"];

    public IReadOnlyDictionary<string, IReadOnlyList<string>> Orders => new Dictionary<string, IReadOnlyList<string>> { ["by-name"] = TaskNames };

    public IReadOnlyList<string> TaskNames { get; } = [.. Endings
        .SelectMany(ending => Directory.GetFiles(settings.DataFolder, "*.train" + ending).Select(path => Path.GetFileName(path)[..^(".train" + ending).Length]))
        .Distinct().Order(StringComparer.Ordinal)];

    public BenchTask Read(string name)
    {
        var (train, held) = (Parse(name, "train", settings.Rows), Parse(settings.Split == "dev" ? Path.Combine("dev", name) : name, settings.Split == "dev" ? "dev" : "eval", settings.EvaluationRows));
        var encoder = new ExampleEncoder(tokenizer, chat, settings.MaxSequenceLength);
        var metric = MetricChoice.Choose(train);
        return new BenchTask(name, metric, metric == TaskMetric.ExactMatch ? MetricChoice.Labels(train) : [], Encode(train), Encode(held), 0);

        IReadOnlyList<EncodedExample> Encode(IReadOnlyList<TaskExample> rows)
        {
            var encoded = encoder.EncodeAll(rows);
            return encoded.ErrorCount == 0 ? encoded.Rows : throw new UsageException($"{name}, row {encoded.Errors[0].Line}: {encoded.Errors[0].Reason} {encoded.Errors[0].Mend}");
        }
    }

    private List<TaskExample> Parse(string name, string part, int count)
    {
        var path = Endings.Select(ending => Path.Combine(settings.DataFolder, $"{name}.{part}{ending}")).FirstOrDefault(File.Exists)
            ?? throw new UsageException($"{Path.Combine(settings.DataFolder, $"{name}.{part}")}.jsonl is not there (nor .json, nor .csv).");
        using var file = File.OpenRead(path);
        var parsed = TaskFileParser.Parse(file, Path.GetFileName(path));
        return parsed.IsValid ? [.. parsed.Examples.Take(count)] : throw new UsageException($"{path}, line {parsed.Errors[0].Line}: {parsed.Errors[0].Reason} {parsed.Errors[0].Mend}");
    }
}
