using System.Runtime.InteropServices;

namespace ContinualService.Engine.Training;

/// <summary>Memory ran out with one row at a time, in training with gradient checkpointing: less is not possible.</summary>
public sealed class MemoryExhaustedException : Exception
{
    public MemoryExhaustedException()
    {
    }

    public MemoryExhaustedException(string message)
        : base(message)
    {
    }

    public MemoryExhaustedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Whether an error of the tensor library says that it got no memory.</summary>
    public static bool Is(ExternalException error) => Says(error.Message);

    /// <summary>While held-out rows were scored.</summary>
    public static MemoryExhaustedException Scoring(int tokens, Exception error) => new(
        FormattableString.Invariant($"Memory ran out while held-out rows of up to {tokens} tokens were scored, one at a time: less is not possible. Send shorter held-out rows, or train where there is more memory. The library said: {Said(error)}"), error);

    internal static MemoryExhaustedException At(int step, int tokens, Exception error) => new(
        FormattableString.Invariant($"Memory ran out in step {step} with one row of {tokens} tokens and gradient checkpointing: less at a time is not possible. Send a smaller maxSequenceLength, or train where there is more memory. The library said: {Said(error)}"), error);

    private static bool Says(string text) =>
        text.Contains("DefaultCPUAllocator: ", StringComparison.Ordinal) // libtorch's, on the CPU
        || text.Contains("out of memory", StringComparison.OrdinalIgnoreCase) // CUDA's
        || text.Contains("bad_alloc", StringComparison.Ordinal); // the C++ library's

    // TorchScript puts the lines before it that it was at.
    private static string Said(Exception error)
    {
        var lines = error.Message.Split('\n');
        return lines.FirstOrDefault(Says) ?? lines[0];
    }
}
