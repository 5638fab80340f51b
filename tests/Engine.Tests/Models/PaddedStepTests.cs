using ContinualService.Engine.Models;
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

    private static float Largest(Tensor tensor) => tensor.abs().max().item<float>();
}
