using System.Reflection;
using System.Runtime.Intrinsics.X86;
using ContinualService.Domain.Replays;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Kernels;
using ContinualService.Worker.Runs;
using TorchSharp;

namespace ContinualService.Worker.Child;

/// <summary>What a version's bits depend on beside its inputs, as it is in this process.</summary>
internal static class HereAndNow
{
    private const double MuchSlower = 0.8; // on a shared machine one measurement is not worth more
    private const string ModelName = "model name";

    private static readonly Lazy<double> MeasuredSpeed = new(() => ProductSpeed.Relative(torch.bfloat16));

    /// <summary>How many times as fast as in float32 products are in bfloat16, with the threads that this process computes with, where that is much less than once; else null.</summary>
    public static double? SlowBFloat16 => MeasuredSpeed.Value < MuchSlower ? MeasuredSpeed.Value : null;

    /// <param name="spec">Where it runs.</param>
    /// <param name="microBatches">How its steps were cut; null: nothing was trained.</param>
    /// <param name="scoring">See <see cref="RowScorer.Sizes"/>.</param>
    public static TrainingEnvironment Of(RunSpec spec, string? microBatches, string? scoring) => new(Code, VersionOf(typeof(torch).Assembly), spec.Device, Processor(), spec.Threads, spec.Precision, microBatches, microBatches is null ? null : spec.Base, scoring);

    // A compiled assembly's identity follows from its content: two builds of one version that are not the same code are told apart.
    private static string Code { get; } = $"{VersionOf(typeof(HereAndNow).Assembly)}, engine {typeof(ContinualLearner).Module.ModuleVersionId:N}";

    private static string VersionOf(Assembly assembly) =>
        assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? assembly.GetName().Version?.ToString() ?? "unknown";

    private static string Processor()
    {
        var width = Avx512F.IsSupported ? "AVX-512" : Avx2.IsSupported ? "AVX2" : "no AVX2";
        return $"{CpuInfo(ModelName) ?? "unknown"}, {width}";
    }

    private static string? CpuInfo(string name) => File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim();
}
