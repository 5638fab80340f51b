using ContinualService.Domain.Previews;

namespace ContinualService.Engine.Continual;

/// <summary>
/// A method whose merge is affine in lambda: merged = last + lambda (tuned - last) of each matrix that it merges, layer by layer. What another lambda would have given
/// then follows from two states, without training.
/// </summary>
public interface IAffineMerge : IContinualMethod
{
    /// <summary>The state that <see cref="IContinualMethod.FinishTask"/> would have made with <paramref name="merge"/> in place of the method's own, bit for bit. Copies.</summary>
    /// <param name="finished">The state after the task; only its tuned matrices are read.</param>
    /// <param name="previous">The state that the task started from. It is never solved for: that would round.</param>
    /// <param name="merge">Of every layer.</param>
    /// <param name="layers">How many the model has.</param>
    AdapterState MergeAt(AdapterState finished, AdapterState previous, MergeSchedule merge, int layers);
}
