namespace ContinualService.Engine.Data;

/// <summary>Turns the string fields of a flat row, from JSON or CSV, into an example.</summary>
internal static class FlatRows
{
    /// <summary>The example; null, with errors collected where none is known yet, if a field is empty. Missing fields are reported by the caller.</summary>
    public static TaskExample? Build(
        IReadOnlyDictionary<string, string> values, IReadOnlyList<string> references, RowFormat format, int line, RowCollector collector) => format switch
        {
            RowFormat.PromptCompletion => Prompt(values, "completion", line, collector),
            RowFormat.PromptAnswer => Prompt(values, "answer", line, collector),
            RowFormat.Instruction => Instruction(values, references, line, collector),
            RowFormat.Text => Text(values, line, collector),
            _ => throw new ArgumentOutOfRangeException(nameof(format), format, "Not a flat format."),
        };

    private static TaskExample? Prompt(IReadOnlyDictionary<string, string> values, string answerField, int line, RowCollector collector)
    {
        values.TryGetValue("prompt", out var prompt);
        var answer = Answer(values, answerField, line, collector);
        if (prompt is not null && string.IsNullOrWhiteSpace(prompt)) EmptyQuestion(line, "prompt", collector);
        return prompt is null || answer is null ? null : TaskExample.FromPrompt(null, prompt, answer);
    }

    private static TaskExample? Instruction(
        IReadOnlyDictionary<string, string> values, IReadOnlyList<string> references, int line, RowCollector collector)
    {
        values.TryGetValue("instruction", out var instruction);
        var answer = Answer(values, "output", line, collector);
        if (instruction is null || answer is null) return null;
        var question = Join(instruction, values.GetValueOrDefault("input", ""));
        if (string.IsNullOrWhiteSpace(question)) EmptyQuestion(line, "instruction", collector);
        return TaskExample.FromPrompt(values.GetValueOrDefault("system"), question, answer, references);
    }

    private static TaskExample? Text(IReadOnlyDictionary<string, string> values, int line, RowCollector collector) =>
        Answer(values, "text", line, collector) is { } text ? TaskExample.FromText(text) : null;

    // Most instructions end in their own line break; one is added only where the two would run into each other.
    private static string Join(string instruction, string input)
    {
        if (input.Length == 0 || instruction.Length == 0) return instruction + input;
        return char.IsWhiteSpace(instruction[^1]) ? instruction + input : instruction + "\n" + input;
    }

    private static string? Answer(IReadOnlyDictionary<string, string> values, string field, int line, RowCollector collector)
    {
        if (!values.TryGetValue(field, out var answer)) return null;
        if (!string.IsNullOrWhiteSpace(answer)) return answer;
        collector.EmptyTarget(line, field);
        return null;
    }

    private static void EmptyQuestion(int line, string field, RowCollector collector) =>
        collector.Error(line, field, $"\"{field}\" is empty, so the answer has no question.", "Give the row a question, or use the {\"text\"} format for plain text.");
}
