using System.Text.Json.Nodes;
using ContinualService.Api.Serving;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Text;

namespace ContinualService.Api.OpenAi;

/// <summary>The object text_completion, whole and in chunks.</summary>
internal sealed class TextShape(Tokenizer tokenizer) : IAnswerShape
{
    public string ChunkObject => "text_completion";

    public string AlternativesOption => "logprobs";

    public JsonObject Head(long created, ServedModel served) => new()
    {
        ["id"] = $"cmpl-{Guid.CreateVersion7():N}",
        ["object"] = ChunkObject,
        ["created"] = created,
        ["model"] = served.Name,
        ["system_fingerprint"] = served.Fingerprint,
    };

    public JsonObject Choice(int index, string text, string finishReason, IEnumerable<ScoredToken>? tokens) => Part(index, text, 0, tokens, finishReason);

    public JsonObject? Opening(int index) => null;

    public JsonObject Delta(int index, string text, int offset, IEnumerable<ScoredToken>? tokens) => Part(index, text, offset, tokens, null);

    public JsonObject Ending(int index, string finishReason) => Part(index, "", 0, null, finishReason);

    private JsonObject Part(int index, string text, int offset, IEnumerable<ScoredToken>? tokens, string? finishReason) => new()
    {
        ["index"] = index,
        ["text"] = text,
        ["logprobs"] = tokens is null ? null : LogProbabilityJson.Text(tokenizer, tokens, offset),
        ["finish_reason"] = finishReason,
    };
}
