using ContinualService.Engine.Data;
using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Evaluation;

public sealed class DriftProbeTests : IDisposable
{
    private readonly Decoder _decoder = TinyModels.Create("llama", "");
    private readonly LoraWeights _before;
    private readonly LoraWeights _now;

    public DriftProbeTests()
    {
        _before = TinyModels.CreateLora(_decoder, new LoraConfig(2, 4, ["q_proj", "v_proj"]));
        _now = new LoraWeights([.. _before.Pairs.Select(pair => pair with { A = pair.A.clone(), B = pair.B.mul(-2) })]);
    }

    public void Dispose()
    {
        _now.Dispose();
        _before.Dispose();
        _decoder.Dispose();
    }

    [Fact]
    public void Divergence_OverTheAnswersOfTheVersionBefore_IsWhatTheSoftmaxesSay()
    {
        int[][] prompts = [TinyModels.Ids(3, seed: 1), TinyModels.Ids(5, seed: 2)];
        // A token that the second answer has ends it there.
        var free = GreedyGenerator.Generate(_decoder, _before, prompts, 8, [], cancellation: TestContext.Current.CancellationToken);
        int[] stops = [free[1].Last(id => id != free[1][0])];

        var (fromBefore, fromBase) = DriftProbe.Divergence(_decoder, _before, _now, prompts, stops, cancellation: TestContext.Current.CancellationToken);

        var (expected, expectedFromBase, count) = (0.0, 0.0, 0);
        for (var index = 0; index < prompts.Length; index++)
        {
            int[] ids = [.. prompts[index], .. free[index].TakeWhile(id => !stops.Contains(id))];
            for (var end = prompts[index].Length; end <= ids.Length; end++, count++)
            {
                var now = Softmax(ids[..end], _now);
                expected += Divergence(Softmax(ids[..end], _before), now);
                expectedFromBase += Divergence(Softmax(ids[..end], null), now);
            }
        }

        Assert.InRange(count, 4, 17);
        Assert.True(expected / count > 1e-6);
        Assert.Equal(expected / count, fromBefore!.Value, 1e-3 * expected / count);
        Assert.Equal(expectedFromBase / count, fromBase!.Value, 1e-3 * expectedFromBase / count);
        Assert.Equal(0, DriftProbe.Divergence(_decoder, _before, _before, prompts, stops, cancellation: TestContext.Current.CancellationToken).FromBefore);
    }

    [Fact]
    public void Divergence_OfWeightsThatAreNoNumbers_IsTheLargestThereIs()
    {
        using var broken = new LoraWeights([.. _before.Pairs.Select(pair => pair with { A = pair.A.clone(), B = full_like(pair.B, double.NaN) })]);

        Assert.Equal(double.MaxValue, DriftProbe.Divergence(_decoder, _before, broken, [TinyModels.Ids(3, seed: 1)], [], cancellation: TestContext.Current.CancellationToken).FromBefore);
    }

    [Fact]
    public void StopShare_CountsAnswersThatEndWithinTheLimit()
    {
        int[][] prompts = [.. Enumerable.Range(0, 6).Select(seed => TinyModels.Ids(4, seed))];
        var answers = prompts.Select(prompt => Answer(prompt, 10)).ToList();
        // What some answers have within ten tokens ends them.
        int[] stops = [answers[0][2], answers[3][1]];

        var shares = Enumerable.Range(0, 9).Select(limit => DriftProbe.StopShare(_decoder, _now, prompts, limit, stops, cancellation: TestContext.Current.CancellationToken)).ToList();

        // An answer of exactly the limit may still end with the next token.
        Assert.Equal(Enumerable.Range(0, 9).Select(limit => answers.Count(answer => answer.Take(limit + 1).Any(stops.Contains)) / 6.0), shares);
        Assert.True(shares[8] > 0);
    }

    [Theory]
    [InlineData(3, 5, new[] { 0, 1, 2 })]
    [InlineData(10, 4, new[] { 0, 2, 5, 7 })]
    [InlineData(10, 0, new int[0])]
    public void Spread_TakesRowsEvenly(int rows, int count, int[] expected) =>
        Assert.Equal(expected, DriftProbe.Spread([.. Enumerable.Range(0, rows).Select(row => new EncodedExample([row], [row], [], null, []))], count).Select(row => row.Ids[0]));

    private int[] Answer(int[] prompt, int count)
    {
        List<int> ids = [.. prompt];
        for (var made = 0; made < count; made++)
        {
            var likelihoods = Softmax([.. ids], _now);
            ids.Add(Array.IndexOf(likelihoods, likelihoods.Max()));
        }

        return [.. ids.Skip(prompt.Length)];
    }

    private double[] Softmax(int[] ids, LoraWeights? lora)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var logits = _decoder.Logits(_decoder.Hidden(tensor(ids, int64).unsqueeze(0), lora))[0, ids.Length - 1].data<float>().Select(value => (double)value).ToArray();
        var weights = logits.Select(value => Math.Exp(value - logits.Max())).ToArray();
        return [.. weights.Select(weight => weight / weights.Sum())];
    }

    private static double Divergence(double[] from, double[] to) => from.Select((p, id) => p * Math.Log(p / to[id])).Sum();
}
