using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>The base of a run: held as the run says to train on, and in full to score, since that is what is served. One of the two is loaded at a time; where they are the same, once.</summary>
internal sealed class RunBase : IDisposable
{
    private BaseModel? _loaded;

    /// <summary>What this gives may be used until the next call.</summary>
    /// <param name="run">Which base, where, and what it computes in.</param>
    /// <param name="holding">How it is held.</param>
    public BaseModel Held(RunSpec run, BaseHolding holding)
    {
        if (_loaded?.Decoder is { } decoder && decoder.DType == holding.ComputesIn(Precision.Base(run.Precision)) && (decoder.Holding == holding || !(decoder.Holding.MakesBlocks || holding.MakesBlocks))) return _loaded;
        Dispose();
        return _loaded = TaskRunner.LoadBase(run, holding);
    }

    public void Dispose()
    {
        _loaded?.Dispose();
        _loaded = null;
    }
}
