namespace ContinualService.Infrastructure.Storage;

/// <summary>The one form of an object's name.</summary>
internal static class ObjectKey
{
    private const int Length = 64;

    public static bool IsValid(string sha256) => sha256.Length == Length && sha256.All(char.IsAsciiHexDigitLower);

    /// <summary>Names become file names and addresses: nothing but a hash may pass.</summary>
    public static void Check(string sha256)
    {
        if (!IsValid(sha256)) throw new ArgumentException($"'{sha256}' is no SHA-256 in lower-case hex.", nameof(sha256));
    }
}
