using System.Text.Json.Nodes;
using ContinualService.Engine.Data;
using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Text;

namespace ContinualService.Bench.Continual;

/// <summary>A folder with tasks.json and the rows beside it: a benchmark's prompts, each of whose inputs is cut to fit.</summary>
public sealed class IndexedTasks(ContinualSettings settings, Tokenizer tokenizer, ChatFormat chat) : ITaskSource
{
    public const string IndexFile = "tasks.json";

    private readonly JsonNode _index = JsonNode.Parse(File.ReadAllText(Path.Combine(settings.DataFolder, IndexFile)))!;

    public IReadOnlyDictionary<string, IReadOnlyList<string>> Orders => _index["task_orders"]!.AsObject().ToDictionary(order => order.Key, order => Names(order.Value!));

    public IReadOnlyList<string> TaskNames => [.. _index["tasks"]!.AsArray().Select(entry => (string)entry!["name"]!)];

    public BenchTask Read(string name)
    {
        var entry = Entry(name) ?? throw new UsageException($"tasks.json has no task '{name}'.");
        var template = (string)entry["prompt_template"]!;
        var folder = Path.Combine(settings.DataFolder, (string)entry["folder"]!);
        var train = Rows(Path.Combine(folder, "train.jsonl"), settings.Rows);
        var scored = Rows(Path.Combine(folder, settings.Split + ".jsonl"), settings.EvaluationRows);
        var labels = Names(entry["labels"]!);

        // The room for the answer is the same for every row of a task: what is cut off must not depend on the row's own answer.
        var answers = (labels.Count > 0 ? labels : train.Select(row => (string)row["output"]!)).Distinct();
        var answerTokens = answers.Max(answer => tokenizer.Encode(answer, addSpecialTokens: false, parseSpecialTokens: false).Ids.Length) + 4;
        var encoder = new ExampleEncoder(tokenizer, chat, settings.MaxSequenceLength);
        var cut = 0;
        var (own, held) = (Encode(train), Encode(scored));
        return new BenchTask(name, Metric((string)entry["metric"]!), labels, own, held, cut);

        IReadOnlyList<EncodedExample> Encode(IEnumerable<JsonNode> rows) => [.. rows.Select(row =>
        {
            var (prompt, wasCut) = Fit(template, row, settings.MaxSequenceLength - answerTokens);
            if (wasCut) cut++;
            var references = row["references"] is { } more ? Names(more) : [];
            return encoder.Encode(TaskExample.FromPrompt(null, prompt, (string)row["output"]!, references));
        })];
    }

    /// <summary>The prompt, its input shortened at the end until the whole prompt fits; the instruction and what follows the input stay whole.</summary>
    private (string Prompt, bool Cut) Fit(string template, JsonNode row, int limit)
    {
        var (instruction, input) = ((string)row["instruction"]!, (string)row["input"]!);
        for (var text = input; ;)
        {
            var prompt = template.Replace("{instruction}", instruction, StringComparison.Ordinal).Replace("{input}", text, StringComparison.Ordinal);
            var excess = chat.EncodePrompt([new JsonObject { ["role"] = "user", ["content"] = prompt }]).Length - limit;
            if (excess <= 0) return (prompt, text.Length < input.Length);
            var offsets = tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: false).Offsets;
            if (offsets.Length == 0) throw new UsageException($"A prompt without its input is {excess} tokens too long; raise --max-sequence-length.");
            text = text[..offsets[Math.Max(0, offsets.Length - excess)].Start];
        }
    }

    private JsonNode? Entry(string name) => _index["tasks"]!.AsArray().FirstOrDefault(task => (string)task!["name"]! == name);

    private static List<JsonNode> Rows(string path, int count)
    {
        if (!File.Exists(path)) throw new UsageException($"{path} is not there.");
        return [.. File.ReadLines(path).Where(line => line.Length > 0).Take(count).Select(line => JsonNode.Parse(line)!)];
    }

    private static IReadOnlyList<string> Names(JsonNode list) => [.. list.AsArray().Select(name => (string)name!)];

    // Some entries name two metrics, "exact_match (...) / rougeL (...)": the first is meant.
    private static TaskMetric Metric(string name) => name.StartsWith("exact_match", StringComparison.Ordinal) ? TaskMetric.ExactMatch
        : name.StartsWith("rougeL", StringComparison.Ordinal) ? TaskMetric.RougeL
        : throw new UsageException($"tasks.json: the metric '{name}' is unknown.");
}
