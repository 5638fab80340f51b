using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Bench.Training;

/// <summary>What this machine's matrix products reach, here and now: the ceiling that training is held against.</summary>
internal static class GemmRate
{
    private const int Groups = 5;
    private static readonly TimeSpan Group = TimeSpan.FromMilliseconds(200);

    /// <summary>Floating-point operations a second of a large square product of random numbers; the best of some groups, since others may share the machine.</summary>
    public static double Measure(Device device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var onGpu = device.type == DeviceType.CUDA;
        long size = onGpu ? 8192 : 1536;
        using var generator = new Generator(1);
        var (a, b) = (Random(), Random());
        var once = Run(1);
        once = Run(1);
        var repeats = Math.Max(1, (int)(Group / once));
        var best = Enumerable.Range(0, Groups).Min(_ => Run(repeats));
        return 2.0 * size * size * size * repeats / best.TotalSeconds;

        Tensor Random() => randn([size, size], float32, generator: generator).to(device).to(dtype);

        TimeSpan Run(int times)
        {
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < times; i++) a.mm(b).Dispose();
            if (onGpu) cuda.synchronize();
            return Stopwatch.GetElapsedTime(began);
        }
    }
}
