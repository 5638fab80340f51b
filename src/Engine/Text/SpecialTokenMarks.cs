using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Engine.Text.Tokenization;

namespace ContinualService.Engine.Text;

/// <summary>
/// Keeps special-token text in a conversation from becoming special tokens: a private character is put inside each such text before the
/// template sees it, travels through the template with it, and becomes a barrier for the tokenizer when the rendered text is cleaned.
/// </summary>
internal sealed class SpecialTokenMarks
{
    // Noncharacters: Unicode reserves them for use inside one program.
    private const char FirstNoncharacter = '\uFDD0';
    private const int NoncharacterCount = 32;

    private readonly Tokenizer _tokenizer;

    /// <exception cref="ChatTemplateException">The conversation uses up every private character.</exception>
    public SpecialTokenMarks(Tokenizer tokenizer, JsonArray messages, ChatTemplate template)
    {
        _tokenizer = tokenizer;
        var used = Used(template.Source);
        Collect(messages, ref used);
        var free = Enumerable.Range(0, NoncharacterCount).Where(i => (used & (1u << i)) == 0).Select(i => (char)(FirstNoncharacter + i)).Take(2).ToArray();
        if (free.Length < 2)
            throw new ChatTemplateException("the conversation uses all of Unicode's private noncharacters (U+FDD0 to U+FDEF)", 0, "Remove them from the messages.");
        (Mark, Placeholder) = (free[0], free[1]);
    }

    /// <summary>Stands inside the text of a special token that is none.</summary>
    public char Mark { get; }

    /// <summary>A second character that the conversation does not have, to stand for a whole content.</summary>
    public char Placeholder { get; }

    /// <summary>A message's text with a mark in every place where a special token would form, or would with what follows it.</summary>
    public string Protect(string text)
    {
        var places = new SortedSet<int>();
        var bare = text.TrimEnd(); // templates trim
        foreach (var special in _tokenizer.SpecialTokenTexts)
        {
            if (special.Length == 0) continue;
            for (var at = text.IndexOf(special, StringComparison.Ordinal); at >= 0; at = text.IndexOf(special, at + 1, StringComparison.Ordinal))
                places.Add(special.Length > 1 ? at + 1 : at);
            for (var length = Math.Min(special.Length - 1, bare.Length); length > 0; length--)
            {
                if (bare.AsSpan(bare.Length - length).SequenceEqual(special.AsSpan(0, length))) places.Add(bare.Length - length + 1);
            }
        }

        while (_tokenizer.FindNormalizedSpecialTokens(text, new SpecialTokenBarriers([.. places])).ToList() is { Count: > 0 } found)
        {
            if (!found.Aggregate(false, (grew, range) => places.Add(range.End - range.Start > 1 ? range.Start + 1 : range.Start) || grew)) break;
        }

        if (places.Count == 0) return text;
        var marked = new StringBuilder(text);
        foreach (var place in places.Reverse()) marked.Insert(place, Mark);
        return marked.ToString();
    }

    /// <summary>The rendered text without marks, its spans moved accordingly, and where the marks stood.</summary>
    public (RenderedChat Chat, SpecialTokenBarriers? Barriers) Clean(RenderedChat marked)
    {
        var places = new List<int>();
        for (var at = marked.Text.IndexOf(Mark); at >= 0; at = marked.Text.IndexOf(Mark, at + 1)) places.Add(at);
        if (places.Count == 0) return (marked, null);
        int Move(int offset)
        {
            var index = places.BinarySearch(offset);
            return offset - (index < 0 ? ~index : index);
        }

        var clean = marked.Text.Replace(Mark.ToString(), "", StringComparison.Ordinal);
        var chat = new RenderedChat(clean, [.. marked.GenerationSpans.Select(span => (Move(span.Start), Move(span.End)))]);
        return (chat, new SpecialTokenBarriers([.. places.Select((place, i) => place - i)]));
    }

    private static uint Used(string text) =>
        text.AsSpan().ContainsAnyInRange(FirstNoncharacter, (char)(FirstNoncharacter + NoncharacterCount - 1))
            ? text.Where(c => c - FirstNoncharacter is >= 0 and < NoncharacterCount).Aggregate(0u, (used, c) => used | (1u << (c - FirstNoncharacter)))
            : 0;

    private static void Collect(JsonNode? node, ref uint used)
    {
        switch (node)
        {
            case JsonArray array:
                foreach (var item in array) Collect(item, ref used);
                break;
            case JsonObject dict:
                foreach (var (key, value) in dict)
                {
                    used |= Used(key);
                    Collect(value, ref used);
                }

                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                used |= Used(value.GetValue<string>());
                break;
        }
    }
}
