using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ContinualService.Engine.Training;

/// <summary>Cross-entropy at the labelled positions only, with its backward pass, in chunks: the logits of a whole batch never exist at once.</summary>
internal static class MaskedCrossEntropy
{
    // Rows of logits, [rows, V], alive at a time in a step.
    private const int MostRows = 512;

    /// <summary>
    /// Back-propagates sum(weight * cross-entropy) / <paramref name="stepWeight"/> and returns it, a float32 scalar on the device. Dividing once by the
    /// weight of the whole optimiser step makes accumulation exact: a token counts the same in whichever micro-batch it falls.
    /// </summary>
    /// <param name="decoder">Gives the logits.</param>
    /// <param name="hidden">[N, D] with its graph: the state that predicts each target, that of the position before it.</param>
    /// <param name="targets">[N] int64.</param>
    /// <param name="weights">[N] float32, of each target; null: all 1.</param>
    /// <param name="stepWeight">Sum of the weights of the whole optimiser step.</param>
    /// <param name="lanes">How many do this side by side: the logits of all together take as much as those of one alone.</param>
    public static Tensor Backward(Decoder decoder, Tensor hidden, Tensor targets, Tensor? weights, double stepWeight, int lanes = 1)
    {
        using var scope = NewDisposeScope();
        var leaf = hidden.detach().requires_grad_(true); // [N, D]
        var total = zeros(1, float32, hidden.device);
        var count = targets.size(0);
        using Scalar divisor = stepWeight;
        var most = Math.Max(1, MostRows / lanes);
        for (long start = 0; start < count; start += most)
        {
            using var chunk = NewDisposeScope();
            var rows = Math.Min(most, count - start);
            var logits = decoder.Logits(leaf.narrow(0, start, rows)); // [n, V], float32: bf16 logits lose the small differences
            var loss = weights is null
                ? functional.cross_entropy(logits, targets.narrow(0, start, rows), reduction: Reduction.Sum).div(divisor)
                : functional.cross_entropy(logits, targets.narrow(0, start, rows), reduction: Reduction.None).dot(weights.narrow(0, start, rows)).div(divisor);
            loss.backward();
            total.add_(loss.detach(), Scalars.One);
        }

        hidden.backward([leaf.grad!]);
        return total.MoveToOuterDisposeScope();
    }
}
