using System.Text.Json;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>The body of an answer of /v1/completions, or one piece of a streamed one, as far as it is read.</summary>
internal sealed record VllmAnswer(string? Model, IReadOnlyList<VllmAnswer.Choice>? Choices, VllmAnswer.Totals? Usage, VllmAnswer.Fault? Error)
{
    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <exception cref="VllmException">It is no such body.</exception>
    public static VllmAnswer Parse(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<VllmAnswer>(json, s_json) ?? throw new VllmException("It answered with null.");
        }
        catch (JsonException error)
        {
            throw new VllmException($"It answered with something else than the JSON of /v1/completions: {error.Message}", inner: error);
        }
    }

    /// <param name="TokenIds">The new tokens; null from servers that do not know return_token_ids.</param>
    /// <param name="PromptTokenIds">The prompt as the server read it.</param>
    /// <param name="Logprobs">Of the new tokens.</param>
    /// <param name="PromptLogprobs">For each token of the prompt the log-probabilities of it and of the likeliest, by id; null for the first.</param>
    /// <param name="FinishReason">In the last piece.</param>
    /// <param name="StopReason">With the reason stop: the token's id.</param>
    public sealed record Choice(
        IReadOnlyList<int>? TokenIds, IReadOnlyList<int>? PromptTokenIds, Scores? Logprobs, IReadOnlyList<Dictionary<string, Score>?>? PromptLogprobs, string? FinishReason,
        JsonElement? StopReason);

    /// <summary>Tokens are spelled <c>token_id:17</c>.</summary>
    public sealed record Scores(IReadOnlyList<double?>? TokenLogprobs, IReadOnlyList<Dictionary<string, double>?>? TopLogprobs);

    public sealed record Score(double Logprob);

    public sealed record Totals(Details? PromptTokensDetails);

    public sealed record Details(int? CachedTokens);

    public sealed record Fault(string? Message);
}
