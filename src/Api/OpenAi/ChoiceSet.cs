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
        _runners = [.. Enumerable.Range(0, count).Select(index => new ChoiceRunner(served.Text, request, index, _pieces.Writer))];
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
    /// <exception cref="OpenAiException">One of them cannot be taken; then none is.</exception>
    public static async Task<ChoiceSet> StartAsync(
        string owner, ServedModel served, GenerationRequest request, IReadOnlyList<(int[] Ids, int MaxNewTokens)> prompts, bool scorePrompt, CancellationToken cancellationToken)
    {
        var set = new ChoiceSet(served, request, prompts.Count * request.Choices, cancellationToken);
        var starts = new List<Task>();
        try
        {
            // One after the other into the line, but nobody waits for the answer of another one's server.
            while (starts.Count < set._runners.Length && !starts.Exists(start => start.IsFaulted))
            {
                var (prompt, most) = prompts[starts.Count / request.Choices];
                starts.Add(set.StartOneAsync(owner, served, request, prompt, most, scorePrompt, starts.Count, starts.Count % request.Choices));
            }

            await Task.WhenAll(starts);
            return set;
        }
        catch
        {
            for (var rest = starts.Count; rest < set._runners.Length; rest++) set.Close(null);
            await set.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _cancellation.CancelAsync();
        await _ended.Task;
        _cancellation.Dispose();
    }

    private async Task StartOneAsync(string owner, ServedModel served, GenerationRequest request, int[] prompt, int most, bool scorePrompt, int index, int choice)
    {
        var runner = _runners[index];
        if (request.ContinuesPrompt) runner.Follow(prompt);
        if (most == 0 && !scorePrompt)
        {
            runner.End();
            Close(null);
            return;
        }

        // Choices of one prompt differ by their seed alone.
        var sampling = request.Sampling with { Seed = request.Sampling.Seed ^ (choice * 0x2545F49) };
        var sequence = new SequenceRequest(owner, served.Adapter, prompt, most, sampling, runner.Accept, error => End(runner, error))
        {
            OnAdmitted = cached => runner.CachedTokens = cached,
            OnPromptScored = scorePrompt ? scores => runner.PromptTokens = scores : null,
            WantsLogProbabilities = request.LogProbabilities is not null,
            Cancellation = _cancellation.Token,
        };
        try
        {
            await served.SubmitAsync(sequence);
        }
        catch
        {
            // It was not taken, so nothing else will end it; who waits for the start gets the reason, and its siblings need not be asked any more.
            await _cancellation.CancelAsync();
            Close(null);
            throw;
        }
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
