using ContinualService.Engine.Text;

namespace ContinualService.Engine.Data;

/// <summary>A row as token ids.</summary>
/// <param name="Ids">The whole row, T tokens.</param>
/// <param name="Labels">T labels: <c>Labels[t]</c> equals <c>Ids[t]</c> where position t is trained, else <see cref="IgnoreIndex"/>. Not shifted.</param>
/// <param name="PromptIds">What generation starts from: the row without its last answer, ready for one. Empty for raw text.</param>
/// <param name="Target">The gold answer; null where there is none to compare with.</param>
/// <param name="References">Further gold answers.</param>
public sealed record EncodedExample(int[] Ids, int[] Labels, int[] PromptIds, string? Target, IReadOnlyList<string> References)
{
    /// <summary>Label of a position that is not trained.</summary>
    public const int IgnoreIndex = -100;

    /// <summary>The last token that is trained, which ends the answer; <see cref="IgnoreIndex"/> where none is.</summary>
    public int LastTrained => Labels.LastOrDefault(label => label != IgnoreIndex, IgnoreIndex);

    /// <summary>What the model's template writes around a user's text, the same for all rows of a model; null where it has none.</summary>
    public UserTurn? UserTurn { get; init; }

    /// <summary>T weights of the positions in the loss, looked at where there is a label; null: all 1.</summary>
    public float[]? Weights { get; init; }
}
