using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using ContinualService.Engine.Data;
using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Text;

namespace ContinualService.Bench.Continual;

/// <summary>Reads tasks.json and the rows beside it, and encodes them with the model's own chat template.</summary>
public sealed class TaskFolder(ContinualSettings settings, Tokenizer tokenizer, ChatFormat chat)
{
    private readonly JsonNode _index = JsonNode.Parse(File.ReadAllText(Path.Combine(settings.DataFolder, "tasks.json")))!;

    /// <summary>The orders by name with their tasks: names in tasks.json or in --orders (a name's start will do), "all" of them, or the tasks of one order themselves.</summary>
    public IReadOnlyList<(string Name, IReadOnlyList<string> Tasks)> Orders()
    {
        var known = settings.OrdersFile is null ? _index["task_orders"]!.AsObject() : JsonNode.Parse(File.ReadAllText(settings.OrdersFile))!.AsObject();
        var wanted = settings.Order ?? (settings.OrdersFile is not null ? "all" : throw new UsageException("--order is missing."));
        if (wanted == "all") return [.. known.Select(Named)];
        var words = wanted.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var named = words.Select(word => known.Where(order => order.Key == word || order.Key.StartsWith(word + "_", StringComparison.Ordinal)).Take(2).ToList()).ToList();
        if (named.All(found => found.Count == 1)) return [.. named.Select(found => Named(found[0])).DistinctBy(order => order.Name)];

        foreach (var task in words)
        {
            if (Entry(task) is null) throw new UsageException($"'{task}' is neither a task nor an order. Orders: {string.Join(", ", known.Select(order => order.Key))}; tasks: {string.Join(", ", _index["tasks"]!.AsArray().Select(entry => (string)entry!["name"]!))}.");
        }

        return [(string.Join("-", words), words)];

        static (string Name, IReadOnlyList<string> Tasks) Named(KeyValuePair<string, JsonNode?> order) => (order.Key, Names(order.Value!));
    }

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
        var task = new BenchTask(name, Metric((string)entry["metric"]!), labels, Encode(train), Encode(scored), cut, "");
        return task with { CutRows = cut, Digest = DigestOf(task) };

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

    private static string DigestOf(BenchTask task)
    {
        var text = new StringBuilder();
        foreach (var row in task.Train.Concat(task.Scored)) text.AppendJoin(' ', row.Ids).Append('|').AppendJoin(' ', row.PromptIds).Append('|').AppendJoin('\u001f', row.References).Append('\n');
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16];
    }
}
