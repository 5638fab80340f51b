using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ContinualService.Engine.Training;

/// <summary>Cross-entropy at the labelled positions only, and its gradient, in chunks: the logits of a whole batch never exist at once.</summary>
internal static class MaskedCrossEntropy
{
    // Rows of logits, [rows, V], alive at a time in a step.
    private const int MostRows = 512;

    /// <summary>
    /// Sum(weight * cross-entropy) / <paramref name="stepWeight"/>, float32 [1] on the device, and its gradient of <paramref name="hidden"/>, [N, D]; both in the caller's dispose scope. Dividing once by the weight of the whole
    /// optimiser step makes accumulation exact: a token counts the same in whichever micro-batch it falls.
    /// </summary>
    /// <param name="decoder">Gives the logits.</param>
    /// <param name="hidden">[N, D], without a graph: the state that predicts each target, that of the position before it.</param>
    /// <param name="targets">[N] int64.</param>
    /// <param name="weights">[N] float32, of each target; null: all 1.</param>
    /// <param name="stepWeight">Sum of the weights of the whole optimiser step.</param>
    /// <param name="lanes">How many do this side by side: the logits of all together take as much as those of one alone.</param>
    public static (Tensor Loss, Tensor Gradient) Of(Decoder decoder, Tensor hidden, Tensor targets, Tensor? weights, double stepWeight, int lanes = 1)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (total, gradient) = (zeros(1, float32, hidden.device), empty_like(hidden));
        var (count, most) = (targets.size(0), Math.Max(1, MostRows / lanes));
        for (long start = 0; start < count; start += most)
        {
            using var chunk = NewDisposeScope();
            var rows = Math.Min(most, count - start);
            var logits = decoder.Logits(hidden.narrow(0, start, rows)); // [n, V], float32: bf16 logits lose the small differences
            var (loss, ofLogits) = Of(logits, targets.narrow(0, start, rows), weights?.narrow(0, start, rows), stepWeight);
            total.add_(loss, Scalars.One);
            gradient.narrow(0, start, rows).copy_(decoder.LogitsGradient(ofLogits));
        }

        return (total.MoveToOuterDisposeScope(), gradient.MoveToOuterDisposeScope());
    }

    /// <summary>The same of logits [n, V], whose memory may be the gradient's.</summary>
    private static (Tensor Loss, Tensor Gradient) Of(Tensor logits, Tensor targets, Tensor? weights, double stepWeight)
    {
        if (TokenKernels.Take(logits)) return (TokenKernels.CrossEntropy(logits, targets, weights, 1 / stepWeight), logits);
        using var withGraph = enable_grad();
        using Scalar divisor = stepWeight;
        logits.requires_grad_(true);
        var loss = weights is null
            ? functional.cross_entropy(logits, targets, reduction: Reduction.Sum).div(divisor)
            : functional.cross_entropy(logits, targets, reduction: Reduction.None).dot(weights).div(divisor);
        loss.backward();
        return (loss.detach(), logits.grad!);
    }
}
