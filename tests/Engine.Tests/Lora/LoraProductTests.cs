using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Lora;

public sealed class LoraProductTests
{
    // A method that freezes one matrix of the pair pays for the other's gradient alone.
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Backward_OneMatrixIsFrozen_HasNoGradient(bool trainsA, bool trainsB)
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModels.Create("llama");
        var site = decoder.Linears[0];
        var pair = new LoraPair(site, ones(3, site.InFeatures).requires_grad_(trainsA), ones(site.OutFeatures, 3).requires_grad_(trainsB), 2);
        using var noGrad = no_grad();

        for (var call = 1; call <= 2; call++)
        {
            LoraProduct.Backward(pair, ones(5, site.OutFeatures), ones(5, site.InFeatures), null);
            // Each of 5 tokens: scale times the sum over the other matrix' side.
            Assert.Equal(trainsA, pair.A.grad is { } a && a.eq(call * 5 * 2 * site.OutFeatures).all().item<bool>());
            Assert.Equal(trainsB, pair.B.grad is { } b && b.eq(call * 5 * 2 * site.InFeatures).all().item<bool>());
        }

        Assert.Equal((trainsA, trainsB), (pair.A.grad is not null, pair.B.grad is not null));
    }
}
