using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Gpu;

[Collection(GpuCollection.Name)]
public sealed class GpuDecoderTests
{
    private static readonly (string Family, string More)[] Families =
        [("llama", ""), ("mistral", """, "sliding_window": 5 """), ("qwen2", ""), ("qwen3", "")];

    private static readonly LoraConfig Lora = new(4, 8, [LoraConfig.AllLinear]);

    [GpuFact]
    public void Logits_Float32_EqualTheCpus()
    {
        foreach (var (family, more) in Families) AssertLogits(family, more, ScalarType.Float32, 1e-5);
    }

    [GpuFact]
    public void Logits_BFloat16_AreTheCpusToItsPrecision()
    {
        // 8 bits of mantissa through two layers; the same comparison on the CPU gives 0.011 to 0.014.
        foreach (var (family, more) in Families) AssertLogits(family, more, ScalarType.BFloat16, 3e-2);
    }

    [GpuFact]
    public void Logits_OfConformanceModels_EqualTheReference()
    {
        foreach (var (model, adapter) in ConformanceCases.All.Select(row => row.Data))
        {
            using var scope = NewDisposeScope();
            var expected = ConformanceCases.Read(model, adapter);
            using var decoder = Decoder.Load(ConformanceCases.Folder(model), ModelConfig.Load(ConformanceCases.Folder(model)), Gpu.Device, ScalarType.Float32);
            using var lora = ConformanceCases.LoadLora(adapter, decoder);

            var logits = decoder.Logits(decoder.Hidden(ConformanceCases.Ids(expected.Prompt).to(Gpu.Device), lora)).cpu(); // [1, T, V]

            var wanted = tensor(expected.Logits.SelectMany(row => row).ToArray()).view(1, expected.Prompt.Length, -1);
            Assert.InRange(logits.sub(wanted).abs().max().item<float>(), 0f, 1e-4f);
        }
    }

    [GpuFact]
    public void Backward_Float32_GivesTheCpusGradients()
    {
        using var scope = NewDisposeScope();
        using var cpu = TinyModel.Create();
        using var gpu = TinyModel.Create(Gpu.Device);
        foreach (var (expected, actual) in Gradients(cpu).Zip(Gradients(gpu))) Numbers.AssertClose(expected.Values, actual.Values, 1e-4, expected.Name);
    }

    private static void AssertLogits(string family, string more, ScalarType dtype, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var cpu = TinyModels.Create(family, more);
        using var lora = TinyModels.CreateLora(cpu, Lora);
        using var gpu = Gpu.CopyOf(cpu, dtype);
        using var loraOnGpu = Gpu.CopyOf(lora);
        var ids = stack([.. Enumerable.Range(0, 3).Select(row => ConformanceCases.Ids(TinyModels.Ids(40, row)).squeeze(0))]); // [3, 40]

        var expected = Numbers.Of(cpu.Logits(cpu.Hidden(ids, lora)));
        var actual = Numbers.Of(gpu.Logits(gpu.Hidden(ids.to(Gpu.Device), loraOnGpu)));

        Numbers.AssertClose([.. expected.Select(value => (double)value)], actual, tolerance, $"{family} in {dtype}");
    }

    private static List<(string Name, List<double> Values)> Gradients(Decoder decoder)
    {
        using var scope = NewDisposeScope();
        using var first = TinyModel.FirstLora(decoder);
        // B is 0 at the start, and with it A's gradient.
        using var lora = new LoraWeights([.. first.Pairs.Select(pair => pair with { A = pair.A.clone().requires_grad_(true), B = pair.B.add(0.1).requires_grad_(true) })]);
        var rows = TinyModel.Rows(1);
        Trainer.Backward(decoder, LoraUpdate.Of(lora, decoder.Device)!, rows, rows.Sum(Trainer.LabelledTokens));
        return [.. lora.Pairs.SelectMany(pair => new[] { (pair.Site.Path + ".A", Doubles(pair.A)), (pair.Site.Path + ".B", Doubles(pair.B)) })];
    }

    private static List<double> Doubles(Tensor leaf) => [.. Numbers.Of(leaf.grad!).Select(value => (double)value)];
}
