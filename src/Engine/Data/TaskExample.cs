using System.Text.Json.Nodes;

namespace ContinualService.Engine.Data;

/// <summary>
/// One row of a task whatever format it came in: a conversation with a train flag per message, or raw text. Immutable; two rows are
/// equal when their canonical lines are (<see cref="CanonicalRows"/>), which is what duplicates and splits go by.
/// </summary>
public sealed class TaskExample : IEquatable<TaskExample>
{
    private readonly JsonArray? _messages;

    private TaskExample(JsonArray? messages, IReadOnlyList<bool> trainOnMessage, string? text, IReadOnlyList<string> references)
    {
        _messages = messages;
        TrainOnMessage = trainOnMessage;
        Text = text;
        References = references;
        Target = messages is { Count: > 0 } ? (string?)messages[^1]!["content"] : null;
        CanonicalLine = CanonicalRows.Write(messages, trainOnMessage, text, references);
    }

    /// <summary>A fresh copy of the conversation ({"role", "content", tool fields}; contents are plain strings); empty for raw text.</summary>
    public JsonArray Messages => (JsonArray?)_messages?.DeepClone() ?? [];

    /// <summary>Per message, whether its tokens are trained on; only ever true for assistant messages.</summary>
    public IReadOnlyList<bool> TrainOnMessage { get; }

    /// <summary>The raw text of a {"text"} row, all of which is trained on; null for a conversation.</summary>
    public string? Text { get; }

    /// <summary>The gold answer, that is the last assistant message; null for raw text and for a pure tool call.</summary>
    public string? Target { get; }

    /// <summary>Further gold answers; any of them or <see cref="Target"/> counts as right.</summary>
    public IReadOnlyList<string> References { get; }

    /// <summary>The row as one line of canonical JSON: equal rows have equal lines.</summary>
    public string CanonicalLine { get; }

    /// <summary>A conversation that ends in an assistant message.</summary>
    /// <param name="messages">Messages with "role", "content" (string or null) and tool fields; copied.</param>
    /// <param name="trainOnMessage">One flag per message.</param>
    /// <param name="references">Further gold answers.</param>
    public static TaskExample FromMessages(JsonArray messages, IReadOnlyList<bool> trainOnMessage, IReadOnlyList<string>? references = null)
    {
        if (messages.Count != trainOnMessage.Count)
            throw new ArgumentException($"{trainOnMessage.Count} train flags for {messages.Count} messages.", nameof(trainOnMessage));
        return new((JsonArray)messages.DeepClone(), [.. trainOnMessage], null, [.. references ?? []]);
    }

    /// <summary>One question and its answer, with an optional system message.</summary>
    public static TaskExample FromPrompt(string? system, string prompt, string answer, IReadOnlyList<string>? references = null)
    {
        var messages = new JsonArray();
        if (!string.IsNullOrEmpty(system)) messages.Add(Message("system", system));
        messages.Add(Message("user", prompt));
        messages.Add(Message("assistant", answer));
        bool[] trained = [.. Enumerable.Repeat(false, messages.Count - 1), true];
        return new(messages, trained, null, [.. references ?? []]);
    }

    /// <summary>Raw text, all of it trained on.</summary>
    public static TaskExample FromText(string text) => new(null, [], text, []);

    public bool Equals(TaskExample? other) => other is not null && CanonicalLine == other.CanonicalLine;

    public override bool Equals(object? obj) => Equals(obj as TaskExample);

    public override int GetHashCode() => CanonicalLine.GetHashCode(StringComparison.Ordinal);

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
}
