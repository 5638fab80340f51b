using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Tests.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Lora;

public sealed class LoraUpdateTests
{
    [Theory]
    [InlineData("all-linear", 0)]
    [InlineData("q_proj,v_proj,up_proj,down_proj", 0)]
    [InlineData("k_proj,v_proj,gate_proj,up_proj", 6)] // v has another rank
    public void AddTo_LayersTogether_GivesWhatEachGivesAlone(string targets, int rankOfV)
    {
        using var scope = NewDisposeScope();
        using var decoder = TinyModels.Create();
        var config = new LoraConfig(4, 8, targets.Split(',')) { RankPattern = rankOfV > 0 ? new Dictionary<string, int> { ["v_proj"] = rankOfV } : [] };
        using var lora = TinyModels.CreateLora(decoder, config);

        var (alone, aloneGradients) = Run(decoder, lora, together: false);
        var (together, gradients) = Run(decoder, lora, together: true);

        Numbers.AssertClose(alone, together, 1e-6, "outputs");
        Numbers.AssertClose(aloneGradients, gradients, 1e-6, "gradients of A, B and the inputs");
    }

    /// <summary>The linears of both blocks, each group with an input of its own.</summary>
    private static (List<double> Outputs, List<double> Gradients) Run(Decoder decoder, LoraWeights from, bool together)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        using var lora = new LoraWeights([.. from.Pairs.Select(pair => pair with { A = pair.A.clone().requires_grad_(true), B = pair.B.clone().requires_grad_(true) })]);
        var update = new LoraUpdate(lora, null, together);
        List<Tensor> inputs = [], outputs = [];
        foreach (var site in decoder.Linears)
        {
            if (DecoderLayout.SharingInput(site.Index).First == site.Index) inputs.Add(randn([5, site.InFeatures], generator: generator).requires_grad_(true));
            outputs.Add(update.AddTo(inputs[^1].mm(decoder.Weights[site.Path + ".weight"].t()), inputs[^1], site.Index));
        }

        outputs.Aggregate(zeros(1), (sum, output) => sum + output.square().sum()).backward();
        return ([.. outputs.SelectMany(Doubles)], [.. lora.Pairs.SelectMany(pair => new[] { pair.A, pair.B }).Concat(inputs).SelectMany(leaf => Doubles(leaf.grad!))]);
    }

    private static IEnumerable<double> Doubles(Tensor values) => Numbers.Of(values).Select(value => (double)value);
}
