using ContinualService.Engine.Inference;
using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Tests.Inference.Batching;
using ContinualService.Engine.Tests.Models;
using Xunit;

namespace ContinualService.Engine.Tests.Gpu;

[Collection(GpuCollection.Name)]
public sealed class GpuServingTests : IDisposable
{
    private static readonly LoraConfig EveryLinear = new(4, 8, [LoraConfig.AllLinear]);
    private static readonly LoraConfig SomeLinears = new(2, 8, ["q_proj", "down_proj"]);

    private readonly string _folder = Directory.CreateTempSubdirectory("gpu-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [GpuFact]
    public async Task Submit_SeveralAdaptersInOneBatch_EachAnswersAsAlone()
    {
        foreach (var family in new[] { "llama", "qwen3" })
        {
            using var onCpu = TinyModels.Create(family);
            using var decoder = Gpu.CopyOf(onCpu);
            using var first = TinyModels.CreateLora(onCpu, EveryLinear, seed: 1);
            using var second = TinyModels.CreateLora(onCpu, SomeLinears, seed: 2);
            using var firstOnGpu = Gpu.CopyOf(first);
            using var secondOnGpu = Gpu.CopyOf(second);
            LoraWeights?[] loras = [first, null, second];
            LoraWeights?[] served = [firstOnGpu, null, secondOnGpu];
            using var engine = Answer.Engine(decoder, new BatchOptions(MaxRows: 6, StepTokens: 7));

            var requests = Enumerable.Range(0, 9).Select(index =>
            {
                var adapter = served[index % 3] is { } weights ? new BatchAdapter($"digest {index % 3}", weights) : null;
                var prompt = TinyModels.Ids(3 + (3 * index), seed: index);
                return (Lora: index % 3, Prompt: prompt, Answer: Answer.To(engine, prompt, 4 + index, adapter));
            }).ToList();
            await Task.WhenAll(requests.Select(request => request.Answer.Ended)).WaitAsync(TestContext.Current.CancellationToken);

            // Against the GPU alone, and against the CPU alone.
            foreach (var (lora, prompt, answer) in requests)
            {
                Alone.AssertIsOwn(decoder, served[lora], prompt, answer);
                Alone.AssertIsOwn(onCpu, loras[lora], prompt, answer);
                Assert.Equal(Alone.Greedy(decoder, served[lora], prompt, answer.Tokens.Count), answer.Ids);
            }
        }
    }

    [GpuFact]
    public void Run_OfAStoredVersion_AgreesWithTheTrainer()
    {
        using var onCpu = TinyModels.Create(context: 128);
        using var decoder = Gpu.CopyOf(onCpu);
        using var made = TinyModels.CreateLora(onCpu, EveryLinear);
        using var trained = Gpu.CopyOf(made);
        PeftAdapter.Save(_folder, EveryLinear, trained, "tiny");
        using var stored = PeftAdapter.LoadWeights(Path.Combine(_folder, PeftAdapter.WeightsFile), EveryLinear, decoder);
        List<int[]> texts = [TinyModels.Ids(40), TinyModels.Ids(9, seed: 4), TinyModels.Ids(100, seed: 5)];

        var found = ServingProbe.Run(decoder, trained, stored, "digest", texts);

        Assert.Equal(39 + 8 + 63, found.Tokens);
        Assert.InRange(found.Difference, 0, ServingAgreement.LeastTolerance);
        using (TorchSharp.torch.no_grad()) stored.Pairs[3].B.view(-1)[2].add_(0.05);
        Assert.False(ServingProbe.Run(decoder, trained, stored, "another digest", texts).Holds);
    }
}
