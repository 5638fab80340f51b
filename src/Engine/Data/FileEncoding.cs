using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace ContinualService.Engine.Data;

/// <summary>What a task file's bytes say about its encoding.</summary>
internal static class FileEncoding
{
    /// <summary>Name of an encoding that is surely not UTF-8; null where it may be.</summary>
    public static string? Foreign(ReadOnlySpan<byte> content) => content switch
    {
        [0xFF, 0xFE, 0, 0, ..] or [0, 0, 0xFE, 0xFF, ..] => "UTF-32",
        [0xFF, 0xFE, ..] => "UTF-16 (little endian)",
        [0xFE, 0xFF, ..] => "UTF-16 (big endian)",
        [(byte)'{' or (byte)'[', 0, ..] => "UTF-16 (little endian, without a byte-order mark)",
        [0, (byte)'{' or (byte)'[', ..] => "UTF-16 (big endian, without a byte-order mark)",
        _ => null,
    };

    public static int ByteOrderMarkLength(ReadOnlySpan<byte> content) => content is [0xEF, 0xBB, 0xBF, ..] ? 3 : 0;

    /// <summary>False, with the error collected, where the line is no text in UTF-8.</summary>
    public static bool CheckLine(ReadOnlySpan<byte> line, int number, RowCollector collector)
    {
        if (!Utf8.IsValid(line))
        {
            var valid = ValidPrefix(line);
            collector.Error(
                number, null, $"Not valid UTF-8 at column {Column(line, valid)} (byte 0x{line[valid].ToString("X2", CultureInfo.InvariantCulture)}).",
                "UTF-8 is needed: save or convert the file as UTF-8 (it may be Latin-1 or Windows-1252) and send it again.");
            return false;
        }

        var nul = line.IndexOf((byte)0);
        if (nul < 0) return true;
        collector.Error(
            number, null, $"A NUL byte at column {Column(line, nul)}.", "A task file is plain UTF-8 text; take the byte out, or check that this is the right file.");
        return false;
    }

    /// <summary>1-based column, in characters, of a byte of a line.</summary>
    public static string Column(ReadOnlySpan<byte> line, long bytePosition)
    {
        var prefix = line[..(int)Math.Clamp(bytePosition, 0, line.Length)];
        return (Encoding.UTF8.GetCharCount(prefix) + 1).ToString(CultureInfo.InvariantCulture);
    }

    private static int ValidPrefix(ReadOnlySpan<byte> line)
    {
        var valid = 0;
        while (Rune.DecodeFromUtf8(line[valid..], out _, out var length) == System.Buffers.OperationStatus.Done) valid += length;
        return valid;
    }
}
