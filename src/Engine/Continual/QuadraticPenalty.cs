using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>weight * sum_j Omega_j (theta_j - theta*_j)^2 over all trained parameters at once: what holds important ones near where they were.</summary>
internal static class QuadraticPenalty
{
    /// <summary>Adds its gradient and returns its value, a scalar.</summary>
    /// <param name="live">theta.</param>
    /// <param name="omega">[P], in the trainer's order.</param>
    /// <param name="anchor">[P]: theta*.</param>
    /// <param name="weight">0 or more.</param>
    public static Tensor AddTo(LiveParameters live, Tensor omega, Tensor anchor, double weight)
    {
        using var scope = NewDisposeScope();
        var moved = live.Weights.sub(anchor); // [P]
        var pull = omega.mul(moved); // [P]
        live.Gradient.add_(pull, alpha: 2 * weight);
        return pull.mul(moved).sum().mul(weight).MoveToOuterDisposeScope();
    }
}
