using System.Text.Json.Nodes;
using ContinualService.Api.Serving;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Text;

namespace ContinualService.Api.OpenAi;

/// <summary>The object text_completion, whole and in chunks.</summary>
/// <param name="tokenizer">Of the model.</param>
/// <param name="prompts">Their ids.</param>
/// <param name="choicesPerPrompt">How many answers each has.</param>
/// <param name="echo">Whether an answer's text begins with its prompt.</param>
internal sealed class TextShape(Tokenizer tokenizer, IReadOnlyList<int[]> prompts, int choicesPerPrompt, bool echo) : IAnswerShape
{
    private readonly Dictionary<int, TextOffsets> _offsets = []; // by choice

    public string ChunkObject => "text_completion";

    public string PromptField => "prompt";

    public string AlternativesOption => "logprobs";

    public JsonObject Head(long created, ServedModel served) => new()
    {
        ["id"] = $"cmpl-{Guid.CreateVersion7():N}",
        ["object"] = ChunkObject,
        ["created"] = created,
        ["model"] = served.Name,
        ["system_fingerprint"] = served.Fingerprint,
    };

    public JsonObject Choice(int index, string text, string finishReason, IEnumerable<ScoredToken>? tokens) => Part(index, text, tokens, finishReason);

    public JsonObject? Opening(int index) => null;

    public JsonObject Delta(int index, string text, IEnumerable<ScoredToken>? tokens) => Part(index, text, tokens, null);

    public JsonObject Ending(int index, string finishReason) => Part(index, "", null, finishReason);

    private JsonObject Part(int index, string text, IEnumerable<ScoredToken>? tokens, string? finishReason) => new()
    {
        ["index"] = index,
        ["text"] = text,
        ["logprobs"] = tokens is null ? null : LogProbabilityJson.Text(tokenizer, tokens, OffsetsOf(index)),
        ["finish_reason"] = finishReason,
    };

    private TextOffsets OffsetsOf(int index)
    {
        if (!_offsets.TryGetValue(index, out var offsets)) _offsets[index] = offsets = new TextOffsets(tokenizer, echo ? [] : prompts[index / choicesPerPrompt]);
        return offsets;
    }
}
