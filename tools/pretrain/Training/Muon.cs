using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ContinualService.Pretrain.Training;

/// <summary>
/// Muon (Jordan et al. 2024) for the weight matrices: the momentum of the gradient with all its singular values brought near 1. In a run of
/// a few million tokens it comes much further than AdamW, which goes on serving the embedding and the norms.
/// </summary>
internal sealed class Muon : IDisposable
{
    private const double Momentum = 0.95;
    private const int Iterations = 5;

    // Coefficients of the quintic Newton-Schulz iteration, from the method's publication.
    private const double A = 3.4445, B = -4.7750, C = 2.0315;

    private readonly IReadOnlyList<Parameter> _weights;
    private readonly List<Tensor> _momenta;
    private readonly double _weightDecay;

    public Muon(IReadOnlyList<Parameter> weights, double weightDecay)
    {
        _weights = weights;
        _weightDecay = weightDecay;
        _momenta = [.. weights.Select(weight => zeros_like(weight).DetachFromDisposeScope())];
    }

    public void Step(double rate)
    {
        using var quiet = no_grad();
        for (var i = 0; i < _weights.Count; i++)
        {
            using var scope = NewDisposeScope();
            var weight = _weights[i]; // [out, in]
            var gradient = weight.grad!;
            _momenta[i].mul_(Momentum).add_(gradient, alpha: 1 - Momentum);
            var step = Orthogonalised(gradient.mul(1 - Momentum).add(_momenta[i], alpha: Momentum)); // Nesterov's look ahead
            weight.mul_(1 - rate * _weightDecay);
            weight.add_(step, alpha: -rate * Math.Sqrt(Math.Max(1, weight.shape[0] / (double)weight.shape[1])));
        }
    }

    public void Dispose()
    {
        foreach (var momentum in _momenta) momentum.Dispose();
    }

    /// <summary>The matrix with its singular values near 1; the iteration runs on the side with fewer rows.</summary>
    private static Tensor Orthogonalised(Tensor matrix)
    {
        var wide = matrix.shape[0] <= matrix.shape[1];
        var x = wide ? matrix : matrix.t(); // [n, m], n <= m
        x = x / (x.norm() + 1e-7);
        for (var i = 0; i < Iterations; i++)
        {
            var gram = x.mm(x.t()); // [n, n]
            x = x.mul(A).add(gram.mul(B).addmm(gram, gram, beta: 1, alpha: (float)C).mm(x)); // [n, m]
        }

        return wide ? x : x.t();
    }
}
