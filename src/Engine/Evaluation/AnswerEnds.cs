using ContinualService.Engine.Data;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text;

namespace ContinualService.Engine.Evaluation;

/// <summary>Where an answer to a held-out question may end.</summary>
internal static class AnswerEnds
{
    /// <summary>The answers that count as right.</summary>
    public static IEnumerable<string> Golds(EncodedExample row) => row.References.Prepend(row.Target!);

    /// <summary>Tokens of the longest of them.</summary>
    public static int LongestAnswer(Tokenizer tokenizer, IEnumerable<EncodedExample> rows) => rows.SelectMany(Golds).Distinct()
        .Max(gold => tokenizer.Encode(gold, addSpecialTokens: false, parseSpecialTokens: false).Ids.Length);

    /// <summary>The model's own ends, and whatever special token ends the trained turns: a template's end of turn need not be the model's end of text.</summary>
    public static IReadOnlyList<int> StopIds(Decoder decoder, Tokenizer tokenizer, IEnumerable<EncodedExample> rows)
    {
        var stops = new HashSet<int>(decoder.Config.EosTokenIds);
        if (tokenizer.EosId is { } end) stops.Add(end);
        foreach (var row in rows)
        {
            if (row.LastTrained >= 0 && tokenizer.IsSpecial(row.LastTrained)) stops.Add(row.LastTrained);
        }

        return [.. stops];
    }
}
