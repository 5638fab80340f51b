using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Models;

public sealed class DecoderGoldenTests
{
    public static TheoryData<string, string?> Cases => ConformanceCases.All;

    [Theory]
    [MemberData(nameof(Cases))]
    public void Logits_OfConformanceModel_EqualTheReference(string model, string? adapter)
    {
        using var scope = torch.NewDisposeScope();
        var expected = ConformanceCases.Read(model, adapter);
        using var decoder = ConformanceCases.LoadDecoder(model);
        using var lora = ConformanceCases.LoadLora(adapter, decoder);

        var logits = decoder.Logits(decoder.Hidden(ConformanceCases.Ids(expected.Prompt), lora)); // [1, T, V]

        var wanted = torch.tensor(expected.Logits.SelectMany(row => row).ToArray()).view(1, expected.Prompt.Length, -1);
        Assert.Equal(wanted.shape, logits.shape);
        Assert.InRange(logits.sub(wanted).abs().max().item<float>(), 0f, 1e-4f);
    }
}
