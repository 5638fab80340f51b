using System.Threading.Channels;
using ContinualService.Api.Serving;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Inference.Batching;

namespace ContinualService.Api.OpenAi;

/// <summary>All choices of one request, generated side by side. Dispose it before the adapter is given back: only then has the last step with its weights ended.</summary>
internal sealed class ChoiceSet : IAsyncDisposable
{
    private readonly Channel<ChoicePiece> _pieces = Channel.CreateUnbounded<ChoicePiece>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _cancellation;
    private readonly ChoiceRunner[] _runners;
    private int _open;

    private ChoiceSet(ServedModel served, GenerationRequest request, int count, CancellationToken cancellationToken)
    {
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _runners = [.. Enumerable.Range(0, count).Select(index => new ChoiceRunner(served.Base, request, index, _pieces.Writer))];
        _open = count;
    }

    public IReadOnlyList<ChoiceRunner> Runners => _runners;

    /// <summary>The pieces of all choices as they come; ends with the last choice, or with what went wrong.</summary>
    public IAsyncEnumerable<ChoicePiece> Pieces => _pieces.Reader.ReadAllAsync(_cancellation.Token);

    /// <summary>Puts every choice of every prompt in line.</summary>
    /// <param name="owner">The tenant.</param>
    /// <param name="served">What to run; must live until the set is disposed.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="prompts">Prompts with the most tokens of their answers.</param>
    /// <param name="scorePrompt">Whether the prompts' own tokens are scored.</param>
    /// <param name="cancellationToken">Ends all of them.</param>
    /// <exception cref="OpenAiException">There is no room in line.</exception>
    public static async Task<ChoiceSet> StartAsync(
        string owner, ServedModel served, GenerationRequest request, IReadOnlyList<(int[] Ids, int MaxNewTokens)> prompts, bool scorePrompt, CancellationToken cancellationToken)
    {
        var set = new ChoiceSet(served, request, prompts.Count * request.Choices, cancellationToken);
        for (var index = 0; index < set._runners.Length; index++)
        {
            var (prompt, most) = prompts[index / request.Choices];
            if (set.Start(owner, served, request, prompt, most, scorePrompt, index, index % request.Choices) is not { } refusal) continue;
            for (var rest = index; rest < set._runners.Length; rest++) set.Close(null);
            await set.DisposeAsync();
            throw refusal;
        }

        return set;
    }

    public async ValueTask DisposeAsync()
    {
        await _cancellation.CancelAsync();
        await _ended.Task;
        _cancellation.Dispose();
    }

    private OpenAiException? Start(string owner, ServedModel served, GenerationRequest request, int[] prompt, int most, bool scorePrompt, int index, int choice)
    {
        var runner = _runners[index];
        if (request.ContinuesPrompt) runner.Follow(prompt);
        if (most == 0 && !scorePrompt)
        {
            runner.End();
            Close(null);
            return null;
        }

        // Choices of one prompt differ by their seed alone.
        var sampling = request.Sampling with { Seed = request.Sampling.Seed ^ (choice * 0x2545F49) };
        var admission = served.Engine.Submit(new SequenceRequest(owner, served.Adapter, prompt, most, sampling, runner.Accept, error => End(runner, error))
        {
            OnAdmitted = cached => runner.CachedTokens = cached,
            OnPromptScored = scorePrompt ? scores => runner.PromptTokens = scores : null,
            WantsLogProbabilities = request.LogProbabilities is not null,
            Cancellation = _cancellation.Token,
        });
        return admission switch
        {
            Admission.Taken => null,
            Admission.OwnerFull => new OpenAiException(StatusCodes.Status429TooManyRequests, "Too many requests of this tenant wait already. Send fewer at a time, or try again after a moment.", code: "rate_limit_exceeded") { RetryAfterSeconds = 2 },
            _ => new OpenAiException(StatusCodes.Status503ServiceUnavailable, "Too many requests wait already. Try again after a moment.", code: "overloaded") { RetryAfterSeconds = 2 },
        };
    }

    private void End(ChoiceRunner runner, Exception? error)
    {
        try
        {
            if (error is null) runner.End();
        }
        finally
        {
            Close(error);
        }
    }

    private void Close(Exception? error)
    {
        if (error is not null) _pieces.Writer.TryComplete(error);
        if (Interlocked.Decrement(ref _open) > 0) return;
        _pieces.Writer.TryComplete();
        _ended.SetResult();
    }
}
