using ContinualService.Engine.Lora;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>How far an adapter moves the base.</summary>
public static class DeltaNorm
{
    /// <summary>The Frobenius norm of dW over all adapted layers together, sqrt(sum (scale ||B A||_F)^2).</summary>
    public static double Of(LoraWeights lora)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var squares = 0.0;
        foreach (var pair in lora.Pairs)
        {
            // ||B A||^2 = sum of (B^T B) * (A A^T): R x R instead of out x in.
            var a = pair.A.detach().to(Precision.Merge); // [R, in]
            var b = pair.B.detach().to(Precision.Merge); // [out, R]
            squares += pair.Scale * pair.Scale * b.t().mm(b).mul(a.mm(a.t())).sum().item<double>();
        }

        return Math.Sqrt(Math.Max(0, squares));
    }
}
