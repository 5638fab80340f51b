using System.Reflection;
using System.Runtime.Intrinsics.X86;
using ContinualService.Domain.Replays;
using ContinualService.Engine.Continual;
using ContinualService.Worker.Runs;
using TorchSharp;

namespace ContinualService.Worker.Child;

/// <summary>What a version's bits depend on beside its inputs, as it is in this process.</summary>
internal static class HereAndNow
{
    private const string ModelName = "model name";
    private const string Flags = "flags";

    /// <summary>Whether this processor has instructions for products of bfloat16.</summary>
    public static bool MultipliesBFloat16 => CpuInfo(Flags)?.Split(' ').Intersect(["avx512_bf16", "amx_bf16"]).Any() == true;

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
