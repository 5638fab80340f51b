using System.Buffers.Binary;
using System.Text;

namespace ContinualService.NativeCompat;

/// <summary>
/// Re-points one version need of an ELF64 library: the entry GLIBCXX_3.4.32 of .gnu.version_r becomes GLIBCXX_3.4.20, which the library needs
/// already, and the one symbol asked for under it (an empty marker of GCC 13's iostream) becomes a harmless function of that version.
/// </summary>
public static class SymbolVersionPatch
{
    public const string MissingVersion = "GLIBCXX_3.4.32";
    public const string PresentVersion = "GLIBCXX_3.4.20";
    private const string MissingSymbol = "_ZSt21ios_base_library_initv";
    private const string PresentSymbol = "_ZSt13get_terminatev";
    private const uint ElfMagic = 0x464C457F;
    private const uint VersionNeedsSection = 0x6ffffffe;

    /// <summary>What was done: <c>Changed</c>, or <c>Error</c> with the reason why the image could not be changed.</summary>
    public sealed record Outcome(bool Changed, string? Error);

    /// <summary>Changes <paramref name="image"/> in place. An image that no longer needs the missing version is left as it is.</summary>
    public static Outcome Apply(Span<byte> image)
    {
        // Step 1: find the version needs and the string table they refer to.
        if (image.Length < 64 || U32(image, 0) != ElfMagic || image[4] != 2)
            return new Outcome(false, "not an ELF64 file");
        if (!TryFindVersionNeeds(image, out var needs, out var needCount, out var strings, out var stringsSize))
            return new Outcome(false, "no .gnu.version_r section");

        // Step 2: find the need to replace and the name of the version to replace it with.
        var missingEntry = -1;
        uint presentName = 0;
        var need = needs;
        for (var i = 0; i < needCount; i++)
        {
            var entry = need + (int)U32(image, need + 8);
            for (var j = U16(image, need + 2); j > 0; j--)
            {
                var name = ReadString(image, strings + (int)U32(image, entry + 8));
                if (name == MissingVersion) missingEntry = entry;
                if (name == PresentVersion) presentName = U32(image, entry + 8);
                entry += (int)U32(image, entry + 12);
            }

            need += (int)U32(image, need + 12);
        }

        if (missingEntry < 0) return new Outcome(false, null);
        if (presentName == 0) return new Outcome(false, $"it does not need {PresentVersion}");

        // Step 3: rename the symbol, then the version.
        var symbolAt = image.Slice(strings, stringsSize).IndexOf(Encoding.ASCII.GetBytes($"\0{MissingSymbol}\0"));
        if (symbolAt < 0) return new Outcome(false, $"the symbol {MissingSymbol} is not in .dynstr");
        var symbol = image.Slice(strings + symbolAt + 1, MissingSymbol.Length);
        symbol.Clear();
        Encoding.ASCII.GetBytes(PresentSymbol, symbol);
        BinaryPrimitives.WriteUInt32LittleEndian(image[missingEntry..], ElfHash(PresentVersion));
        BinaryPrimitives.WriteUInt32LittleEndian(image[(missingEntry + 8)..], presentName);
        return new Outcome(true, null);
    }

    private static bool TryFindVersionNeeds(ReadOnlySpan<byte> image, out int needs, out int needCount, out int strings, out int stringsSize)
    {
        var sections = (int)U64(image, 0x28);
        int size = U16(image, 0x3A), count = U16(image, 0x3C);
        for (var i = 0; i < count; i++)
        {
            var section = sections + i * size;
            if (U32(image, section + 4) != VersionNeedsSection) continue;
            var linked = sections + (int)U32(image, section + 0x28) * size;
            needs = (int)U64(image, section + 0x18);
            needCount = (int)U32(image, section + 0x2C);
            strings = (int)U64(image, linked + 0x18);
            stringsSize = (int)U64(image, linked + 0x20);
            return true;
        }

        needs = needCount = strings = stringsSize = 0;
        return false;
    }

    /// <summary>The hash of the System V ABI, which .gnu.version_r stores beside every version's name.</summary>
    private static uint ElfHash(string name)
    {
        uint hash = 0;
        foreach (var character in name)
        {
            hash = (hash << 4) + character;
            var high = hash & 0xf0000000;
            if (high != 0) hash ^= high >> 24;
            hash &= ~high;
        }

        return hash;
    }

    private static string ReadString(ReadOnlySpan<byte> image, int at)
    {
        var rest = image[at..];
        return Encoding.ASCII.GetString(rest[..rest.IndexOf((byte)0)]);
    }

    private static ushort U16(ReadOnlySpan<byte> image, int at) => BinaryPrimitives.ReadUInt16LittleEndian(image[at..]);

    private static uint U32(ReadOnlySpan<byte> image, int at) => BinaryPrimitives.ReadUInt32LittleEndian(image[at..]);

    private static ulong U64(ReadOnlySpan<byte> image, int at) => BinaryPrimitives.ReadUInt64LittleEndian(image[at..]);
}
