using ContinualService.Pretrain.Bpe;
using ContinualService.Pretrain.Corpus;

namespace ContinualService.Pretrain.Training;

/// <summary>Turns a document into token ids, exactly as the chat template of the finished model renders it, and marks the answers.</summary>
internal sealed class DocumentEncoder(BpeVocabulary vocabulary)
{
    /// <summary>Appends the document's ids, and for each whether it is a token that an assistant says (its end of turn included).</summary>
    public void Append(Document document, List<int> ids, List<bool> answers)
    {
        ids.Add(BpeVocabulary.Bos);
        if (document.Turns.Count == 0) ids.AddRange(vocabulary.Encode(document.Text));
        Pad(ids, answers, false);
        foreach (var turn in document.Turns)
        {
            ids.Add(BpeVocabulary.TurnStart);
            ids.AddRange(vocabulary.Encode(turn.Role + "\n"));
            Pad(ids, answers, false);
            ids.AddRange(vocabulary.Encode(" " + turn.Content));
            ids.Add(BpeVocabulary.TurnEnd);
            Pad(ids, answers, turn.Role == "assistant");
            ids.AddRange(vocabulary.Encode("\n"));
            Pad(ids, answers, false);
        }

        ids.Add(BpeVocabulary.Eos);
        Pad(ids, answers, false);
    }

    private static void Pad(List<int> ids, List<bool> answers, bool answer)
    {
        while (answers.Count < ids.Count) answers.Add(answer);
    }
}
