using ContinualService.Domain.Forecasts;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>A task's gradient as a <see cref="SketchSpace"/> sees it. Owns its tensors.</summary>
/// <param name="seen">For each layer float32 [out, k + w].</param>
/// <param name="norm">Frobenius norm of the gradient over all layers, as estimated.</param>
/// <param name="loss">Mean cross-entropy in nats.</param>
/// <param name="rows">Rows it was taken on.</param>
/// <param name="conflict">Against what the head serves; null where that is nothing, or where there is no gradient.</param>
public sealed class GradientSketch(IReadOnlyList<Tensor> seen, double norm, double loss, int rows, TaskConflict? conflict) : IDisposable
{
    public double Norm => norm;

    public double Loss => loss;

    public int Rows => rows;

    public TaskConflict? Conflict => conflict;

    /// <summary>Cosine between two tasks' gradients, -1 to 1, from the same space; 0 where one has none.</summary>
    public double Cosine(GradientSketch other)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var product = 0.0;
        for (var index = 0; index < seen.Count; index++) product += seen[index].to(float64).mul(other.At(index).to(float64)).sum().item<double>();
        return norm == 0 || other.Norm == 0 ? 0 : Math.Clamp(product / (norm * other.Norm), -1, 1);
    }

    public void Dispose()
    {
        foreach (var layer in seen) layer.Dispose();
    }

    private Tensor At(int layer) => seen[layer];
}
