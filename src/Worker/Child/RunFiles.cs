using System.Security.Cryptography;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Data;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>Reads a run's input files and refuses bytes that are not those their hash names.</summary>
internal static class RunFiles
{
    public static IReadOnlyList<TaskExample> ReadRows(StoredFile file)
    {
        var bytes = File.ReadAllBytes(file.Path);
        Check(file, Convert.ToHexStringLower(SHA256.HashData(bytes)));
        return CanonicalRows.Deserialize(bytes);
    }

    /// <summary>For files that are mapped later instead of read whole.</summary>
    public static string Verify(StoredFile file)
    {
        Check(file, Sha256Of(file.Path));
        return file.Path;
    }

    public static string Sha256Of(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static void Check(StoredFile file, string found)
    {
        if (found != file.Sha256)
            throw new RunFailureException(TaskFailureCode.ObjectDamaged, $"Object {file.Sha256} is damaged: its bytes have SHA-256 {found}. Restore it from a backup, then send the task again.", userError: false);
    }
}
