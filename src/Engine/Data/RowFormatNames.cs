namespace ContinualService.Engine.Data;

/// <summary>The names of <see cref="RowFormat"/> and the fields each holds.</summary>
public static class RowFormatNames
{
    private static readonly Dictionary<RowFormat, (string Wire, string[] Required, string[] Optional)> Facts = new()
    {
        [RowFormat.Messages] = ("messages", ["messages"], []),
        [RowFormat.PromptCompletion] = ("prompt_completion", ["prompt", "completion"], []),
        [RowFormat.Instruction] = ("instruction", ["instruction", "output"], ["input", "references", "system"]),
        [RowFormat.Conversations] = ("conversations", ["conversations"], []),
        [RowFormat.Text] = ("text", ["text"], []),
        [RowFormat.PromptAnswer] = ("prompt_answer", ["prompt", "answer"], []),
    };

    /// <summary>All formats in words, for the mend of a row that shows none.</summary>
    internal const string AllFormats =
        "{\"messages\": [...]}, {\"prompt\", \"completion\"}, {\"prompt\", \"answer\"}, {\"instruction\", \"input\", \"output\"}, "
        + "{\"conversations\": [...]} or {\"text\"}";

    /// <summary>The name clients see.</summary>
    public static string WireName(this RowFormat format) => Facts[format].Wire;

    internal static IReadOnlyList<string> RequiredFields(this RowFormat format) => Facts[format].Required;

    internal static IReadOnlyList<string> AllowedFields(this RowFormat format) => [.. Facts[format].Required, .. Facts[format].Optional];

    /// <summary>The format that a row's fields show; null where they show none.</summary>
    /// <param name="fields">Names of the row's fields.</param>
    /// <param name="fileFormat">Format of the rows before: it settles a row that has only "prompt".</param>
    internal static RowFormat? Detect(IReadOnlyCollection<string> fields, RowFormat? fileFormat)
    {
        if (fields.Contains("messages")) return RowFormat.Messages;
        if (fields.Contains("conversations")) return RowFormat.Conversations;
        if (fields.Contains("completion")) return RowFormat.PromptCompletion;
        if (fields.Contains("answer")) return RowFormat.PromptAnswer;
        if (fields.Contains("instruction") || fields.Contains("output")) return RowFormat.Instruction;
        if (fields.Contains("text")) return RowFormat.Text;
        if (fields.Contains("prompt")) return fileFormat is RowFormat.PromptAnswer ? RowFormat.PromptAnswer : RowFormat.PromptCompletion;
        return null;
    }
}
