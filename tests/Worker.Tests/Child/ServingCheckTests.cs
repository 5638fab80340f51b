using ContinualService.Domain.Tasks;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.TestKit;
using ContinualService.Worker.Child;
using ContinualService.Worker.Runs;
using TorchSharp;
using Xunit;

namespace ContinualService.Worker.Tests.Child;

public sealed class ServingCheckTests
{
    [Fact]
    public void Require_Disagreement_FailsTheRunAndSaysHowFar()
    {
        var failure = Assert.Throws<RunFailureException>(() => ServingCheck.Require(new ServingAgreement(100, 0.5, 1e-6)));

        Assert.Equal(TaskFailureCode.ServingDiffers, failure.Code);
        Assert.Contains("differ by 0.5", failure.Message, StringComparison.Ordinal);
        Assert.Contains("Nothing was published", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Require_Agreement_IsHandedOn()
    {
        var found = new ServingAgreement(100, 1e-6, 1e-6);

        Assert.Same(found, ServingCheck.Require(found));
    }

    // In bfloat16 one number more or less is within the noise: the file itself must be what was trained.
    [Fact]
    public void Run_OneNumberOfTheFileChanged_FailsInBFloat16Too()
    {
        var folder = Directory.CreateTempSubdirectory("check-").FullName;
        try
        {
            using var model = BaseModel.Load(Shared.Folder("conformance/models/llama2"), torch.CPU, torch.bfloat16);
            var config = new LoraConfig(4, 8, ["q_proj", "v_proj"]);
            using var generator = new torch.Generator(5, torch.CPU);
            using var lora = LoraWeights.CreateFresh(model.Decoder, config, generator);
            PeftAdapter.Save(folder, config, lora, "llama2");
            var path = Path.Combine(folder, PeftAdapter.WeightsFile);
            Assert.True(ServingCheck.Run(model.Decoder, config, lora, path, [[5, 6, 7, 8]]).Holds);

            using (torch.no_grad()) lora.Pairs[1].B.view(-1)[2].add_(1e-4);
            var failure = Assert.Throws<RunFailureException>(() => ServingCheck.Run(model.Decoder, config, lora, path, [[5, 6, 7, 8]]));
            Assert.Equal(TaskFailureCode.ServingDiffers, failure.Code);
            Assert.Contains("layer model.layers.0.self_attn.v_proj", failure.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
