using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>
/// AdamW (Loshchilov and Hutter, algorithm 2, with decay scaled by the rate) over one flat vector, so that clipping, zeroing and updating are
/// one call each. Matches <c>torch.optim.AdamW</c>.
/// </summary>
internal sealed class AdamW : IDisposable
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-8;

    // Held, as in Scalars.
    private static readonly Scalar KeptMean = Beta1, NewMean = 1 - Beta1, KeptVariance = Beta2, NewVariance = 1 - Beta2, Least = Epsilon, LeastNorm = 1e-6;

    private readonly Tensor _weights; // [P]
    private readonly Tensor _gradient; // [P]
    private readonly Tensor _mean; // [P]
    private readonly Tensor _variance; // [P]
    private readonly double _weightDecay;
    private int _steps;

    /// <summary>Both vectors stay the caller's; the moments are this object's.</summary>
    public AdamW(Tensor weights, Tensor gradient, double weightDecay)
    {
        _weights = weights;
        _gradient = gradient;
        _weightDecay = weightDecay;
        _mean = zeros_like(weights).DetachFromDisposeScope();
        _variance = zeros_like(weights).DetachFromDisposeScope();
    }

    /// <summary>First moment, [P].</summary>
    public Tensor Mean => _mean;

    /// <summary>Second moment, [P].</summary>
    public Tensor Variance => _variance;

    /// <summary>Goes on where another one stood: its moments after <paramref name="steps"/> steps.</summary>
    public void Restore(Tensor mean, Tensor variance, int steps)
    {
        _mean.copy_(mean);
        _variance.copy_(variance);
        _steps = steps;
    }

    /// <summary>Scales the gradient down to <paramref name="maxNorm"/> (0: leaves it) and returns its norm before, a scalar on the device.</summary>
    public Tensor Clip(double maxNorm)
    {
        using var scope = NewDisposeScope();
        var norm = _gradient.norm(2f);
        using Scalar most = maxNorm;
        if (maxNorm > 0) _gradient.mul_(norm.add(LeastNorm, Scalars.One).reciprocal_().mul_(most).clamp_max_(Scalars.One));
        return norm.MoveToOuterDisposeScope();
    }

    public void Step(double learningRate)
    {
        _steps++;

        // No arithmetic at rate 0: the promise is "bit for bit", and -0 + 0 is not -0.
        if (learningRate == 0) return;
        using var scope = NewDisposeScope();
        using Scalar correction = Math.Sqrt(1 - Math.Pow(Beta2, _steps)), kept = 1 - learningRate * _weightDecay, rate = -learningRate / (1 - Math.Pow(Beta1, _steps));
        _mean.mul_(KeptMean).add_(_gradient, alpha: NewMean);
        _variance.mul_(KeptVariance).addcmul_(_gradient, _gradient, NewVariance);
        var denominator = _variance.sqrt().div_(correction).add_(Least, Scalars.One);
        if (_weightDecay > 0) _weights.mul_(kept);
        _weights.addcdiv_(_mean, denominator, rate);
    }

    public void Dispose()
    {
        _mean.Dispose();
        _variance.Dispose();
    }
}
