using ContinualService.Engine.Models;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>The base of a run: held as the run says to train on, and in full to score, since that is what is served. One of the two is loaded at a time; where they are the same, once.</summary>
/// <param name="spec">Which base, and where.</param>
internal sealed class RunBase(RunSpec spec) : IDisposable
{
    private BaseModel? _loaded;

    /// <summary>What this gives may be used until the next call.</summary>
    public BaseModel Held(BaseHolding holding)
    {
        if (_loaded?.Decoder.Holding == holding) return _loaded;
        Dispose();
        return _loaded = TaskRunner.LoadBase(spec, holding);
    }

    public void Dispose()
    {
        _loaded?.Dispose();
        _loaded = null;
    }
}
