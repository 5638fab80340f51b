using System.Text.Json.Nodes;
using ContinualService.Api.Serving;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Text;

namespace ContinualService.Api.OpenAi;

/// <summary>The objects chat.completion and chat.completion.chunk.</summary>
internal sealed class ChatShape(Tokenizer tokenizer) : IAnswerShape
{
    public string ChunkObject => "chat.completion.chunk";

    public string PromptField => "messages";

    public string AlternativesOption => "top_logprobs";

    public JsonObject Head(long created, ServedModel served) => new()
    {
        ["id"] = $"chatcmpl-{Guid.CreateVersion7():N}",
        ["object"] = "chat.completion",
        ["created"] = created,
        ["model"] = served.Name,
        ["system_fingerprint"] = served.Fingerprint,
    };

    public JsonObject Choice(int index, string text, string finishReason, IEnumerable<ScoredToken>? tokens) => new()
    {
        ["index"] = index,
        ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = text, ["refusal"] = null },
        ["logprobs"] = tokens is null ? null : LogProbabilityJson.Chat(tokenizer, tokens),
        ["finish_reason"] = finishReason,
    };

    public JsonObject? Opening(int index) => Chunk(index, new JsonObject { ["role"] = "assistant", ["content"] = "" }, null, null);

    public JsonObject Delta(int index, string text, IEnumerable<ScoredToken>? tokens) =>
        Chunk(index, new JsonObject { ["content"] = text }, tokens, null);

    public JsonObject Ending(int index, string finishReason) => Chunk(index, [], null, finishReason);

    private JsonObject Chunk(int index, JsonObject delta, IEnumerable<ScoredToken>? tokens, string? finishReason) => new()
    {
        ["index"] = index,
        ["delta"] = delta,
        ["logprobs"] = tokens is null ? null : LogProbabilityJson.Chat(tokenizer, tokens),
        ["finish_reason"] = finishReason,
    };
}
