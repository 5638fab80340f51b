using System.Diagnostics.Metrics;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Models;

namespace ContinualService.Engine.Tests.Inference.Batching;

/// <summary>What an engine made of one request.</summary>
internal sealed class Answer
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public List<ScoredToken> Tokens { get; } = [];

    public IReadOnlyList<ScoredToken> PromptScores { get; private set; } = [];

    /// <summary>What it was told of the cache, each time.</summary>
    public List<int> Cached { get; } = [];

    public Exception? Error { get; private set; }

    public IEnumerable<int> Ids => Tokens.Select(token => token.Id);

    /// <summary>After the first token.</summary>
    public Task Begun => _begun.Task;

    /// <summary>After the last one, whatever happened.</summary>
    public Task Ended => _ended.Task;

    public static BatchEngine Engine(Decoder decoder, BatchOptions options) => new(decoder, options, "tiny", new BatchMetrics(new Meter("test")));

    public static Answer To(
        BatchEngine engine, int[] prompt, int newTokens, BatchAdapter? adapter = null, string owner = "a", bool scorePrompt = false, SamplingOptions? sampling = null, Action<ScoredToken>? onToken = null,
        CancellationTokenSource? cancel = null)
    {
        var (answer, admission) = Try(engine, prompt, newTokens, adapter, owner, scorePrompt, sampling, onToken, cancel);
        return admission == Admission.Taken ? answer : throw new InvalidOperationException($"The engine says {admission}.");
    }

    public static (Answer Answer, Admission Admission) Try(
        BatchEngine engine, int[] prompt, int newTokens, BatchAdapter? adapter = null, string owner = "a", bool scorePrompt = false, SamplingOptions? sampling = null, Action<ScoredToken>? onToken = null,
        CancellationTokenSource? cancel = null)
    {
        var answer = new Answer();
        var request = new SequenceRequest(
            owner, adapter, prompt, newTokens, sampling ?? new SamplingOptions(Temperature: 0),
            token =>
            {
                answer.Tokens.Add(token);
                answer._begun.TrySetResult();
                onToken?.Invoke(token);
                return true;
            },
            error =>
            {
                answer.Error = error;
                answer._begun.TrySetResult();
                answer._ended.SetResult();
            })
        {
            WantsLogProbabilities = true,
            OnAdmitted = answer.Cached.Add,
            OnPromptScored = scorePrompt ? scores => answer.PromptScores = scores : null,
            Cancellation = cancel?.Token ?? CancellationToken.None,
        };
        return (answer, engine.Submit(request));
    }
}
