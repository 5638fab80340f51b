using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Kernels;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Models;

/// <summary>Attention of sequences that lie one after another, as on a GPU: what each would get alone.</summary>
public sealed class PaddedStepTests
{
    private static readonly int[] Lengths = [3, 1, 5, 5, 9, 9, 9, 2];

    [Theory]
    [InlineData(null)]
    [InlineData(4)]
    public void Attend_RowsOfUnequalLength_EqualsEachAlone(int? window)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3UL, CPU);
        // Four query heads on two key heads: [1, H or G, N, K].
        Tensor Random(int heads) => randn([1, heads, Lengths.Sum(), 8], float32, generator: generator).requires_grad_(true);
        var (query, key, value, upstream) = (Random(4), Random(2), Random(2), Random(4).detach());
        var step = new PaddedStep(Lengths, zeros(Lengths.Sum(), 4), zeros(Lengths.Sum(), 4), null);

        var together = step.Attend(query, key, value, window, layer: 0);
        together.mul(upstream).sum().backward();
        Tensor[] gradients = [.. new[] { query, key, value }.Select(each => each.grad!.clone())];
        foreach (var each in new[] { query, key, value }) each.grad!.zero_();
        var alone = SeparateRows.Attend(query, key, value, Lengths, window);
        alone.mul(upstream).sum().backward();

        Assert.InRange(Largest(alone.sub(together)), 0, 1e-6f);
        foreach (var (gradient, each) in gradients.Zip(new[] { query, key, value })) Assert.InRange(Largest(gradient.sub(each.grad!)), 0, 1e-5f);
        Assert.True(Largest(together) > 0.1f);
    }

    // Heads apart, turned by tables or by matrices, and libtorch's autograd: what a GPU trains by is what a CPU's kernels do.
    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(false, 4)]
    public void Train_ByLibtorchsOperators_GivesTheKernelsResultAndGradients(bool byMatrices, int? window)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var decoder = TinyModels.Create("llama");
        var config = decoder.Config with { HeadCount = 4, KeyValueHeadCount = 2, HeadWidth = 8 };
        var count = Lengths.Sum();
        Tensor Random(int seed, int width) => KernelBounds.Random(seed, count, width);
        var (query, key, value, upstream, angles) = (Random(1, 32), Random(2, 16), Random(3, 16), Random(4, 32), Random(5, 4));
        var (cos, sin) = (angles.cos(), angles.sin());
        AttentionStep[] steps = [new RowsStep(cos, sin, new RowAttention(Lengths)), new PaddedStep(Lengths, cos, sin, byMatrices ? RotationMatrices.Of(cos, sin, 1, float32) : null)];

        var trained = steps.Select(step => step.Train(config, query.clone(), key.clone(), value, window, layer: 0)).ToList();
        var gradients = trained.Select(each => each.Backward(upstream)).ToList();

        Assert.InRange(Largest(trained[0].Mixed().sub(trained[1].Mixed())), 0, 2e-6f);
        Assert.InRange(Largest(gradients[0].Query.sub(gradients[1].Query)), 0, 1e-5f);
        Assert.InRange(Largest(gradients[0].Key.sub(gradients[1].Key)), 0, 1e-5f);
        Assert.InRange(Largest(gradients[0].Value.sub(gradients[1].Value)), 0, 1e-5f);
        Assert.True(Largest(gradients[1].Query) > 0.1f);
    }

    private static float Largest(Tensor tensor) => tensor.abs().max().item<float>();
}
