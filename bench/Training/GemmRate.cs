using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Bench.Training;

/// <summary>What this machine's matrix products reach, here and now: the ceiling that training is held against. Large square products of random numbers, some at a time.</summary>
internal sealed class GemmRate(Device device, ScalarType dtype)
{
    private const int Groups = 5;
    private const int OnCpu = 1536;
    private const int OnGpu = 8192;
    private static readonly TimeSpan Group = TimeSpan.FromMilliseconds(200);

    private readonly long _size = device.type == DeviceType.CUDA ? OnGpu : OnCpu;
    private double _operations;
    private double _seconds;

    /// <summary>Operations a second over all samples: what whoever else uses the machine left of it while they were taken.</summary>
    public double Mean => _operations / _seconds;

    /// <summary>Those of the best sample.</summary>
    public double Best { get; private set; }

    /// <summary>The best of some samples.</summary>
    public static double Measure(Device device, ScalarType dtype)
    {
        var rate = new GemmRate(device, dtype);
        for (var group = 0; group < Groups; group++) rate.Sample();
        return rate.Best;
    }

    /// <summary>Some tenths of a second more. Its matrices go again at once.</summary>
    public void Sample()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(1);
        var (a, b) = (Random(), Random());
        var once = Run(1);
        once = Run(1);
        var repeats = Math.Max(1, (int)(Group / once));
        var (operations, seconds) = (2.0 * _size * _size * _size * repeats, Run(repeats).TotalSeconds);
        _operations += operations;
        _seconds += seconds;
        Best = Math.Max(Best, operations / seconds);

        Tensor Random() => randn([_size, _size], float32, generator: generator).to(device).to(dtype);

        TimeSpan Run(int times)
        {
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < times; i++) a.mm(b).Dispose();
            if (device.type == DeviceType.CUDA) cuda.synchronize();
            return Stopwatch.GetElapsedTime(began);
        }
    }
}
