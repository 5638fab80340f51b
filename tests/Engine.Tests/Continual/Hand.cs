using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using ContinualService.Engine.Training;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

/// <summary>Adapters of one or a few small layers without a decoder, so that a method's arithmetic can be followed by hand.</summary>
internal static class Hand
{
    public static LoraConfig Config(int rank, double scale = 1) => new(rank, scale * rank, ["layer"]);

    /// <summary>A layer; with several in one adapter each needs an index of its own.</summary>
    public static LinearSite Site(int inFeatures, int outFeatures, int index = 0) => new(index, $"layer{index}", inFeatures, outFeatures);

    /// <summary>float32.</summary>
    public static Tensor Of(double[,] values) => tensor(Dense.Flat(values).Select(value => (float)value).ToArray()).view(values.GetLength(0), values.GetLength(1));

    public static LoraWeights Lora(double scale, params (LinearSite Site, double[,] A, double[,] B)[] pairs) =>
        new([.. pairs.Select(pair => new LoraPair(pair.Site, Of(pair.A), Of(pair.B), scale))]);

    /// <summary>One layer's pair.</summary>
    public static LoraWeights Lora(double[,] a, double[,] b, double scale = 1) => Lora(scale, (Site(a.GetLength(1), b.GetLength(0)), a, b));

    /// <summary>A state of one layer.</summary>
    public static AdapterState State(IContinualMethod method, int taskIndex, int rank, LinearSite site, params (string Name, double[,] Values)[] tensors) =>
        new(Config(rank), method, taskIndex, [new AdapterSite(site, tensors.ToDictionary(item => item.Name, item => Of(item.Values)))]);

    /// <summary>The state after tuning ended in these pairs one task after another; for methods whose tuning remembers nothing else.</summary>
    public static AdapterState Chain(IContinualMethod method, LoraConfig config, IEnumerable<LoraWeights> tuned)
    {
        AdapterState? state = null;
        foreach (var lora in tuned) state = method.FinishTask(config, new Tuning(lora), state);
        return state!;
    }

    /// <summary>dW that a state serves at one of its layers, [out, in] in row-major order.</summary>
    public static double[,] Served(AdapterState state, int site = 0)
    {
        using var served = state.ServingWeights();
        var pair = served.Pairs[site];
        return Dense.Scale(pair.Scale, Dense.Mul(Dense.From(pair.B), Dense.From(pair.A)));
    }

    /// <summary>The penalty of a tuning as its parameters stand, and the gradient it adds, in the trainer's order.</summary>
    public static (double Penalty, float[] Gradient) Penalty(Tuning tuning)
    {
        using var live = new LiveParameters(tuning, CPU);
        using var noGrad = no_grad();
        using var penalty = tuning.AfterBackward(live, 1);
        return (penalty?.item<float>() ?? 0, Numbers.Of(live.Gradient));
    }

    /// <summary>Central differences of a function of many numbers.</summary>
    public static double[] Differences(Func<double[], double> function, double[] at, double step = 1e-5) => [.. at.Select((value, index) =>
    {
        double[] up = [.. at], down = [.. at];
        (up[index], down[index]) = (value + step, value - step);
        return (function(up) - function(down)) / (2 * step);
    })];
}
