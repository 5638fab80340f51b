using System.Globalization;
using System.Text.Json.Nodes;
using ContinualService.Engine.Text;

namespace ContinualService.Engine.Data;

/// <summary>
/// Rows to token ids with labels. A conversation goes through the model's chat template; for a model without one it becomes
/// "messages joined by line breaks" + answer + end of text. Raw text is trained on whole.
/// </summary>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="chat">The model's chat format, with or without a template.</param>
/// <param name="maxSequenceLength">Most tokens of a row, at least 2.</param>
/// <param name="truncation">What to do with longer rows.</param>
public sealed class ExampleEncoder(
    Tokenizer tokenizer, ChatFormat chat, int maxSequenceLength, TruncationPolicy truncation = TruncationPolicy.Refuse)
{
    private readonly int _maxSequenceLength = maxSequenceLength >= 2
        ? maxSequenceLength
        : throw new ArgumentOutOfRangeException(nameof(maxSequenceLength), maxSequenceLength, "A row needs at least 2 tokens to train on one.");

    /// <summary>Encodes one row; throws <see cref="RowException"/> where it does not fit or the template refuses it.</summary>
    public EncodedExample Encode(TaskExample example) => TryEncode(example, 0, out _) switch
    {
        (var encoded, null) => encoded!,
        (_, var error) => throw new RowException(error),
    };

    /// <summary>Encodes a parsed file's rows; errors name the file's lines.</summary>
    public EncodedRows EncodeAll(ParsedTaskFile file) => EncodeAll(file.Examples, file.Lines);

    /// <summary>Encodes rows; an error's line is the row's 1-based index.</summary>
    public EncodedRows EncodeAll(IReadOnlyList<TaskExample> examples) => EncodeAll(examples, [.. Enumerable.Range(1, examples.Count)]);

    /// <summary>Encodes rows; errors name the lines given.</summary>
    public EncodedRows EncodeAll(IReadOnlyList<TaskExample> examples, IReadOnlyList<int> lines)
    {
        var rows = new List<EncodedExample>(examples.Count);
        var errors = new List<RowError>();
        var (errorCount, tooLong, longest) = (0, 0, 0);
        for (var index = 0; index < examples.Count; index++)
        {
            var (encoded, error) = TryEncode(examples[index], lines[index], out var length);
            longest = Math.Max(longest, length);
            if (encoded is not null) rows.Add(encoded);
            if (error is null) continue;
            errorCount++;
            if (length > _maxSequenceLength) tooLong++;
            if (errors.Count < TaskFileParser.MaxErrors) errors.Add(error);
        }

        return new EncodedRows(rows, errors, errorCount, tooLong, longest);
    }

    private (EncodedExample? Encoded, RowError? Error) TryEncode(TaskExample example, int line, out int length)
    {
        EncodedExample encoded;
        try
        {
            encoded = EncodeWhole(example);
        }
        catch (ChatTemplateException refused)
        {
            // Templates raise on purpose, for instance on two user messages in a row: that is the row's fault, not the program's.
            length = 0;
            return (null, new RowError(line, "messages", $"The model's chat template refuses the row: {refused.Message}", "Change the roles or their order as it says."));
        }

        length = encoded.Ids.Length;
        if (length > _maxSequenceLength)
        {
            if (truncation == TruncationPolicy.CutPrompt && Cut(encoded) is { } shorter) return (shorter, null);
            var count = length.ToString(CultureInfo.InvariantCulture);
            var limit = _maxSequenceLength.ToString(CultureInfo.InvariantCulture);
            return (null, new RowError(line, null, $"The row is {count} tokens long; the limit is {limit}.", "Shorten the row, or raise maxSequenceLength if the model allows it."));
        }

        // Position 0 has nothing before it to predict it from, so it never counts.
        if (encoded.Labels.Skip(1).All(label => label == EncodedExample.IgnoreIndex))
            return (null, new RowError(line, null, "The row has no token to train on.", "Give it a longer text or answer."));
        return (encoded, null);
    }

    private EncodedExample EncodeWhole(TaskExample example)
    {
        if (example.Text is not null)
        {
            var ids = tokenizer.Encode(example.Text, addSpecialTokens: true, parseSpecialTokens: false).Ids;
            return new EncodedExample(ids, Labels(ids, position => position > 0), [], null, []);
        }

        var messages = example.Messages;
        return chat.HasTemplate ? EncodeChat(example, messages) : EncodePlain(example, messages);
    }

    private EncodedExample EncodeChat(TaskExample example, JsonArray messages)
    {
        var encoded = chat.EncodeConversation(messages, example.TrainOnMessage);
        var question = (JsonArray)messages.DeepClone();
        question.RemoveAt(question.Count - 1);
        // A conversation may be nothing but the answer; templates need not render an empty one.
        var prompt = question.Count > 0 ? chat.EncodePrompt(question) : [];
        return new EncodedExample(encoded.Ids, Labels(encoded.Ids, position => encoded.LossMask[position]), prompt, example.Target, example.References) { UserTurn = chat.UserTurn };
    }

    // Prompt and answer are encoded apart, so that the prompt's ids are the row's first ids whatever the tokenizer merges.
    private EncodedExample EncodePlain(TaskExample example, JsonArray messages)
    {
        var question = string.Join('\n', messages.SkipLast(1).Select(message => (string?)message!["content"] ?? ""));
        if (question.Length > 0 && !char.IsWhiteSpace(question[^1])) question += "\n";
        var prompt = tokenizer.Encode(question, addSpecialTokens: true, parseSpecialTokens: false).Ids;
        if (prompt is [.., var last] && last == tokenizer.EosId) prompt = prompt[..^1];
        var answer = tokenizer.Encode(example.Target ?? "", addSpecialTokens: false, parseSpecialTokens: false).Ids;
        int[] ids = [.. prompt, .. answer, .. tokenizer.EosId is { } end ? [end] : Array.Empty<int>()];
        return new EncodedExample(ids, Labels(ids, position => position > 0 && position >= prompt.Length), prompt, example.Target, example.References);
    }

    private EncodedExample? Cut(EncodedExample encoded)
    {
        var excess = encoded.Ids.Length - _maxSequenceLength;
        var promptLength = encoded.Ids.AsSpan().CommonPrefixLength(encoded.PromptIds);
        if (PromptCut.Apply(encoded.Ids, promptLength, excess) is not { } ids || PromptCut.Apply(encoded.PromptIds, encoded.PromptIds.Length, excess) is not { } prompt)
            return null;
        var labels = PromptCut.Apply(encoded.Labels, promptLength, excess)!;
        return encoded with { Ids = ids, Labels = labels, PromptIds = prompt };
    }

    private static int[] Labels(int[] ids, Func<int, bool> isTrained) =>
        [.. ids.Select((id, position) => isTrained(position) ? id : EncodedExample.IgnoreIndex)];
}
