using System.Diagnostics;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Inference.Batching;

namespace ContinualService.Bench.Serving;

/// <summary>One request to our engine, with its times.</summary>
internal sealed class EngineRun
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<int> _tokens = [];
    private readonly long _sent = Stopwatch.GetTimestamp();
    private long _first;
    private long _last;

    private EngineRun()
    {
    }

    public IReadOnlyList<int> Tokens => _tokens;

    public TimeSpan ToFirst => Stopwatch.GetElapsedTime(_sent, _first);

    /// <summary>From the first token to the last.</summary>
    public TimeSpan Generating => Stopwatch.GetElapsedTime(_first, _last);

    public Task Ended => _ended.Task;

    public static EngineRun Start(BatchEngine engine, BatchAdapter? adapter, int[] prompt, int newTokens)
    {
        var run = new EngineRun();
        var admission = engine.Submit(new SequenceRequest("bench", adapter, prompt, newTokens, new SamplingOptions(Temperature: 0), run.Take, run.End));
        return admission == Admission.Taken ? run : throw new InvalidOperationException($"The engine says {admission}.");
    }

    private bool Take(ScoredToken token)
    {
        _last = Stopwatch.GetTimestamp();
        if (_tokens.Count == 0) _first = _last;
        _tokens.Add(token.Id);
        return true;
    }

    private void End(Exception? error)
    {
        if (error is null) _ended.SetResult();
        else _ended.SetException(error);
    }
}
