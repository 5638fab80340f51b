using ContinualService.Engine.Models;
using ContinualService.TestKit;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Models;

public sealed class BenchModelTests
{
    [Fact]
    public void Load_BenchmarkModel_GivesFiniteLogits()
    {
        using var scope = torch.NewDisposeScope();
        var folder = Shared.Folder("models/bench-llama");
        using var decoder = Decoder.Load(folder, ModelConfig.Load(folder), torch.CPU, torch.ScalarType.Float32);

        var logits = decoder.Logits(decoder.Hidden(ConformanceCases.Ids(1, 5, 9)));

        Assert.True(logits.isfinite().all().item<bool>());
    }
}
