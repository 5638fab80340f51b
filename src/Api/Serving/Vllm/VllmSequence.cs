using System.Globalization;
using System.Text.Json;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Inference.Batching;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>Reads the pieces of one answer and hands its tokens on, as long as they are beyond doubt those that were asked for.</summary>
/// <param name="request">Who gets them.</param>
/// <param name="name">What the server was asked for: it must answer as nothing else.</param>
/// <param name="endIds">Tokens that end an answer.</param>
internal sealed class VllmSequence(SequenceRequest request, string name, IReadOnlyList<int> endIds)
{
    private const string TokenPrefix = "token_id:";

    private bool _ended; // with a token that ends answers
    private bool _finished; // the server says that it is all
    private int _count;

    /// <summary>Takes the next piece.</summary>
    /// <returns>False: the receiver has all it wants, and the server may be cut off.</returns>
    /// <exception cref="VllmException">It is not what was asked for.</exception>
    public bool Take(VllmAnswer piece)
    {
        CheckName(piece, name);
        // What scoring left in the server's cache a moment ago has saved nothing.
        if (request.OnPromptScored is null && piece.Usage?.PromptTokensDetails?.CachedTokens is { } cached) request.OnAdmitted?.Invoke(cached);
        if (piece.Choices is not { Count: > 0 } choices) return true;
        if (choices.Count > 1) throw new VllmException("It answered with more choices than were asked for.");
        var choice = choices[0];
        if (choice.PromptTokenIds is { } read && !read.SequenceEqual(request.Prompt)) throw new VllmException("It answered another prompt than the one that was sent.");
        if (choice.TokenIds is not { } ids) throw new VllmException("Its answer has no token_ids. vLLM knows return_token_ids from version 0.10.2 on.");
        for (var index = 0; index < ids.Count; index++)
        {
            if (_ended || _finished || ++_count > request.MaxNewTokens) throw new VllmException("Its answer went on after its end.");
            if (request.OnToken(Scored(choice, index))) continue;
            if (!endIds.Contains(ids[index])) return false;
            _ended = true;
        }

        if (choice.FinishReason is { } reason) Finish(reason, choice.StopReason);
        return true;
    }

    /// <summary>The stream is over.</summary>
    /// <exception cref="VllmException">The answer is not whole.</exception>
    public void End()
    {
        if (!_finished) throw new VllmException("Its answer ended before it was whole.");
    }

    /// <summary>The prompt's own tokens.</summary>
    public IReadOnlyList<ScoredToken> ScoredPrompt(VllmAnswer answer)
    {
        CheckName(answer, name);
        if (answer.Choices is not [{ PromptLogprobs: { } scores }] || scores.Count != request.Prompt.Length) throw new VllmException("Its answer has no prompt_logprobs for each token of the prompt.");
        return [.. request.Prompt.Select((id, position) => position == 0 ? new ScoredToken(id, double.NaN, []) : Scored(id, scores[position]))];
    }

    private static void CheckName(VllmAnswer answer, string name)
    {
        if (answer.Error is { } fault) throw new VllmException($"It broke off: {fault.Message}");
        if (answer.Model != name) throw new VllmException($"It answered as '{answer.Model}'.");
    }

    private void Finish(string reason, JsonElement? stopReason)
    {
        // A server that keeps the ending token to itself names it.
        if (reason == "stop" && !_ended && stopReason is { ValueKind: JsonValueKind.Number } stop && stop.TryGetInt32(out var id) && endIds.Contains(id))
            _ended = !request.OnToken(new ScoredToken(id, double.NaN, []));
        var whole = reason switch
        {
            "stop" => _ended,
            "length" => !_ended && _count > 0,
            _ => false,
        };
        if (!whole) throw new VllmException($"Its answer ended with the reason '{reason}', which does not fit its tokens.");
        _finished = true;
    }

    private ScoredToken Scored(VllmAnswer.Choice choice, int index)
    {
        var id = choice.TokenIds![index];
        if (!request.WantsLogProbabilities) return new ScoredToken(id, double.NaN, []);
        if (choice.Logprobs is not { TokenLogprobs: { } values, TopLogprobs: { } tops } || values.Count <= index || tops.Count <= index || values[index] is not { } value)
            throw new VllmException("Its answer lacks the log-probability of a token.");
        return new ScoredToken(id, value, Top((tops[index] ?? []).Select(top => (Id(top.Key[Math.Min(TokenPrefix.Length, top.Key.Length)..]), top.Value))));
    }

    private ScoredToken Scored(int id, Dictionary<string, VllmAnswer.Score>? scores)
    {
        if (scores is null || !scores.TryGetValue(id.ToString(CultureInfo.InvariantCulture), out var own)) throw new VllmException("Its answer lacks the log-probability of a token of the prompt.");
        return new ScoredToken(id, own.Logprob, Top(scores.Select(score => (Id(score.Key), score.Value.Logprob))));
    }

    /// <summary>A server adds the chosen token to the likeliest ones where it is not among them.</summary>
    private List<(int Id, double LogProbability)> Top(IEnumerable<(int Id, double LogProbability)> entries) =>
        [.. entries.OrderByDescending(entry => entry.LogProbability).ThenBy(entry => entry.Id).Take(request.Sampling.TopLogProbabilities)];

    private static int Id(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : throw new VllmException($"It named a token '{text}' instead of by its id.");
}
