using System.Text.Json.Serialization;

namespace ContinualService.Api.OpenAi;

/// <summary>What Swagger UI shows for POST /v1/chat/completions; the route itself reads the body strictly, field by field.</summary>
/// <param name="Model" example="my-adapter">An adapter, a version of it (my-adapter@7), or a base model.</param>
/// <param name="Messages">The conversation so far.</param>
/// <param name="Temperature" example="0">0 takes the most likely token.</param>
/// <param name="MaxTokens" example="64">Most tokens of the answer.</param>
/// <param name="Stream" example="false">Server-sent events as the answer grows.</param>
/// <param name="Logprobs" example="false">Log-probabilities of the answer's tokens.</param>
internal sealed record ChatExample(string Model, IReadOnlyList<ChatMessageExample> Messages, double? Temperature, [property: JsonPropertyName("max_tokens")] int? MaxTokens, bool? Stream, bool? Logprobs);

/// <param name="Role" example="user">system, developer, user, assistant or tool.</param>
/// <param name="Content" example="Where is my order?">The message.</param>
internal sealed record ChatMessageExample(string Role, string Content);

/// <summary>What Swagger UI shows for POST /v1/completions.</summary>
/// <param name="Model" example="my-adapter@1">An adapter, a version of it, or a base model.</param>
/// <param name="Prompt" example="Once upon a time">A text, or a list of token ids.</param>
/// <param name="MaxTokens" example="16">Most new tokens; 0 with echo scores the prompt alone.</param>
/// <param name="Temperature" example="0">0 takes the most likely token.</param>
/// <param name="Echo" example="false">Repeat the prompt in the answer, with its log-probabilities when asked for.</param>
/// <param name="Logprobs" example="5">Alternatives reported beside each token.</param>
internal sealed record TextExample(string Model, string Prompt, [property: JsonPropertyName("max_tokens")] int? MaxTokens, double? Temperature, bool? Echo, int? Logprobs);
