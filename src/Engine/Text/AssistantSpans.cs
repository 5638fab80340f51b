using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Engine.Text;

/// <summary>Finds what the assistant says in a rendered conversation; all offsets are those of the rendered text with its marks.</summary>
internal sealed class AssistantSpans(
    JsonArray messages, IReadOnlyList<bool>? trainOnMessage, SpecialTokenMarks marks, Func<JsonArray, bool, RenderedChat> render)
{
    private const string Advice = "Put {% generation %} blocks around the assistant's text in the template.";

    private readonly List<int> _assistants = [.. Enumerable.Range(0, messages.Count).Where(i => IsAssistant(messages[i]))];

    /// <exception cref="ChatTemplateException">The assistant's text is not to be found.</exception>
    public List<(int Start, int End)> Find(RenderedChat whole)
    {
        if (whole.GenerationSpans.Count > 0) return [.. Owners(whole).Where(span => IsTrained(span.Message)).Select(span => span.Span)];
        return [.. _assistants.Where(IsTrained).Select(index => FindByDifference(whole.Text, index))];
    }

    private static bool IsAssistant(JsonNode? message) =>
        message is JsonObject dict && dict["role"] is JsonValue role && role.GetValueKind() == JsonValueKind.String
        && role.GetValue<string>() is "assistant" or "model";

    private bool IsTrained(int message) => trainOnMessage is null || trainOnMessage[message];

    /// <summary>The spans of generation blocks, each with the message it comes from.</summary>
    private IEnumerable<((int Start, int End) Span, int Message)> Owners(RenderedChat whole)
    {
        var spans = whole.GenerationSpans;
        if (_assistants.All(IsTrained)) return spans.Select(span => (span, _assistants.Count > 0 ? _assistants[0] : 0));
        if (spans.Count == _assistants.Count) return spans.Zip(_assistants);

        // A message may have several blocks or none: what a message adds to the count of blocks is its own.
        var owners = new List<int>();
        foreach (var index in _assistants)
        {
            var count = render(First(index + 1), false).GenerationSpans.Count;
            while (owners.Count < count) owners.Add(index);
        }

        if (owners.Count != spans.Count)
            throw new ChatTemplateException("the template's generation blocks cannot be told apart by message", 0, "Train on all assistant messages or on none.");
        return spans.Zip(owners);
    }

    /// <summary>What the text gains by an assistant message after the prompt for it.</summary>
    private (int Start, int End) FindByDifference(string whole, int index)
    {
        var prompt = TryRender(First(index), true);
        var full = TryRender(First(index + 1), false);
        var startsWithPrompt = prompt is { Length: > 0 } && whole.StartsWith(prompt, StringComparison.Ordinal);
        if (startsWithPrompt && full is not null && full.Length > prompt!.Length && whole.StartsWith(full, StringComparison.Ordinal))
            return (prompt.Length, full.Length);

        // Step 2: the template writes this turn otherwise when more follows, or its prompt otherwise than the turn itself.
        var content = FindContent(whole, index) ?? FindText(whole, index, CommonPrefix(prompt ?? "", whole))
            ?? throw new ChatTemplateException($"the text of message {index + 1} is not to be found in the rendered conversation", 0, Advice);
        return startsWithPrompt && prompt!.Length <= content.Start ? (prompt.Length, content.End) : content;
    }

    /// <summary>Renders again with a placeholder for the content: what stands before and after it is not the assistant's.</summary>
    private (int Start, int End)? FindContent(string whole, int index)
    {
        var changed = (JsonArray)messages.DeepClone();
        if (!TryReplaceContent((JsonObject)changed[index]!)) return null;
        if (TryRender(changed, false) is not { } text) return null;
        var (first, last) = (text.IndexOf(marks.Placeholder), text.LastIndexOf(marks.Placeholder));
        if (first < 0) return null;
        var tail = text.Length - last - 1;
        return first + tail <= whole.Length
            && whole.AsSpan(0, first).SequenceEqual(text.AsSpan(0, first))
            && whole.AsSpan(whole.Length - tail).SequenceEqual(text.AsSpan(last + 1))
            ? (first, whole.Length - tail)
            : null;
    }

    private bool TryReplaceContent(JsonObject message)
    {
        if (message["content"] is JsonArray parts)
        {
            var texts = parts.OfType<JsonObject>().Where(part => part["text"] is not null).ToList();
            foreach (var part in texts) part["text"] = marks.Placeholder.ToString();
            return texts.Count > 0;
        }

        if (message["content"] is not JsonValue) return false;
        message["content"] = marks.Placeholder.ToString();
        return true;
    }

    private (int Start, int End)? FindText(string whole, int index, int from)
    {
        if (messages[index]!["content"] is not JsonValue value || value.GetValueKind() != JsonValueKind.String) return null;
        var text = marks.Protect(value.GetValue<string>()).Trim();
        var start = text.Length == 0 ? -1 : whole.IndexOf(text, from, StringComparison.Ordinal);
        return start < 0 ? null : (start, start + text.Length);
    }

    private string? TryRender(JsonArray part, bool prompt)
    {
        try
        {
            return render(part, prompt).Text;
        }
        catch (ChatTemplateException)
        {
            // Templates refuse conversations that are legal only as a part of the whole: the caller then goes another way.
            return null;
        }
    }

    private JsonArray First(int count) => [.. messages.Take(count).Select(message => message?.DeepClone())];

    private static int CommonPrefix(string left, string right) => left.AsSpan().CommonPrefixLength(right);
}
