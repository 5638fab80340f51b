namespace ContinualService.Engine.Inference.Batching;

/// <summary>One answer to generate. The callbacks run on the engine's thread: they must be quick and must not wait.</summary>
/// <param name="Owner">Who asks. Owners get equal shares of the engine, and never see what another one's prompts left in the cache.</param>
/// <param name="Adapter">Null: the base model alone.</param>
/// <param name="Prompt">At least one token.</param>
/// <param name="MaxNewTokens">At least 1, or 0 where only the prompt is to be scored; with the prompt it must fit the model's context.</param>
/// <param name="Sampling">How tokens are chosen.</param>
/// <param name="OnToken">Gets each new token and says whether the sequence goes on.</param>
/// <param name="OnEnd">Called once, after the last token: null, or what went wrong (<see cref="OperationCanceledException"/> after a cancellation).</param>
public sealed record SequenceRequest(
    string Owner, BatchAdapter? Adapter, int[] Prompt, int MaxNewTokens, SamplingOptions Sampling, Func<ScoredToken, bool> OnToken, Action<Exception?> OnEnd)
{
    /// <summary>Gets the prompt's tokens with their log-probabilities, once, before the first new token; null: they are not computed.</summary>
    public Action<IReadOnlyList<ScoredToken>>? OnPromptScored { get; init; }

    /// <summary>Gets how many of the prompt's tokens were taken over from the cache instead of computed, once, before any of the others; null: nobody wants to know.</summary>
    public Action<int>? OnAdmitted { get; init; }

    /// <summary>Whether new tokens need log-probabilities; without them a step is cheaper.</summary>
    public bool WantsLogProbabilities { get; init; }

    /// <summary>Ends the sequence after the step that is under way.</summary>
    public CancellationToken Cancellation { get; init; }

    internal string CacheKey { get; } = Owner + "\n" + Adapter?.Digest;
}
