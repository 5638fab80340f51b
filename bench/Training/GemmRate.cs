using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Bench.Training;

/// <summary>
/// What this machine's matrix products reach, here and now: the ceiling that training is held against. Large square products of random numbers, some at a time; of bfloat16 on a CPU beside the same in float32, in which they can be computed as
/// well: whichever type is quicker counts.
/// </summary>
internal sealed class GemmRate
{
    private const int Groups = 5;
    private const int OnCpu = 1536;
    private const int OnGpu = 8192;
    private static readonly TimeSpan Group = TimeSpan.FromMilliseconds(200);

    private readonly Device _device;
    private readonly long _size;
    private readonly Measured[] _types;

    /// <param name="device">Where.</param>
    /// <param name="dtype">What training computes in.</param>
    public GemmRate(Device device, ScalarType dtype)
    {
        var onGpu = device.type == DeviceType.CUDA;
        (_device, _size) = (device, onGpu ? OnGpu : OnCpu);
        _types = onGpu || dtype == float32 ? [new Measured(dtype)] : [new Measured(dtype), new Measured(float32)];
    }

    /// <summary>Operations a second over all samples: what whoever else uses the machine left of it while they were taken.</summary>
    public double Mean => Quickest.Mean;

    /// <summary>Those of the best sample.</summary>
    public double Best => Quickest.Best;

    private Measured Quickest => _types.MaxBy(each => each.Mean)!;

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
        foreach (var each in _types) Sample(each);
    }

    private void Sample(Measured each)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(1);
        var (a, b) = (Random(), Random());
        var once = Run(1);
        once = Run(1);
        var repeats = Math.Max(1, (int)(Group / once));
        each.Add(2.0 * _size * _size * _size * repeats, Run(repeats).TotalSeconds);

        Tensor Random() => randn([_size, _size], float32, generator: generator).to(_device).to(each.Type);

        TimeSpan Run(int times)
        {
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < times; i++) a.mm(b).Dispose();
            if (_device.type == DeviceType.CUDA) cuda.synchronize();
            return Stopwatch.GetElapsedTime(began);
        }
    }

    private sealed class Measured(ScalarType type)
    {
        private double _operations;
        private double _seconds;

        public ScalarType Type => type;

        public double Mean => _operations / _seconds;

        public double Best { get; private set; }

        public void Add(double operations, double seconds)
        {
            _operations += operations;
            _seconds += seconds;
            Best = Math.Max(Best, operations / seconds);
        }
    }
}
