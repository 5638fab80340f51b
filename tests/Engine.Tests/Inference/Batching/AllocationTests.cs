using ContinualService.Engine.Inference;
using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Tests.Models;
using Xunit;

namespace ContinualService.Engine.Tests.Inference.Batching;

/// <summary>
/// What a step of generation takes from the managed heap: a short pass makes no tensor for its layers, so it is little, and the same for a model of many layers.
/// </summary>
public sealed class AllocationTests
{
    private const int Warm = 8;
    private const int Measured = 32;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, false, 3_300)]
    [InlineData(8, false, 620)]
    [InlineData(8, true, 820)]
    public async Task Step_OfRunningSequences_AllocatesLittlePerToken(int sequences, bool scored, int most)
    {
        using var decoder = TinyModels.Create();
        using var lora = TinyModels.CreateLora(decoder, new LoraConfig(4, 8, [LoraConfig.AllLinear]));
        using var engine = Answer.Engine(decoder, new BatchOptions(MaxRows: sequences, StepTokens: 256));
        var adapter = new BatchAdapter("a", lora);
        var heap = new long[sequences, Warm + Measured];
        var ended = Enumerable.Range(0, sequences).Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToList();
        for (var index = 0; index < sequences; index++)
        {
            var (own, count) = (index, 0);
            var sampling = new SamplingOptions(Temperature: 0, TopLogProbabilities: scored ? 2 : 0);
            // On the engine's thread, between its steps.
            engine.Submit(new SequenceRequest($"{own}", adapter, TinyModels.Ids(4, seed: own), Warm + Measured, sampling, _ =>
            {
                heap[own, count++] = GC.GetAllocatedBytesForCurrentThread();
                return true;
            }, _ => ended[own].SetResult())
            { WantsLogProbabilities = scored });
        }

        await Task.WhenAll(ended.Select(end => end.Task)).WaitAsync(Token);

        // Of the last sequence that came: when it was there all of them were. The median knows nothing of a cache that grew.
        var steps = Enumerable.Range(Warm, Measured - Warm).Select(step => heap[sequences - 1, step + 1] - heap[sequences - 1, step]).Order().ToList();
        var perToken = steps[steps.Count / 2] / sequences;
        Assert.True(perToken <= most, $"{perToken} bytes per token with {sequences} sequences: {string.Join(' ', steps)}");
    }
}
