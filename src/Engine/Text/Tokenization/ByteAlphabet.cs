namespace ContinualService.Engine.Text.Tokenization;

/// <summary>
/// The byte-level alphabet of GPT-2: every byte has one printable char, so that merges can be written as plain strings.
/// Printable Latin-1 bytes stand for themselves, the other 68 for the chars from U+0100 on.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Chars = MakeChars();
    private static readonly short[] Bytes = MakeBytes();

    public static char ToChar(byte value) => Chars[value];

    /// <summary>The bytes that a token spells, or false where it holds a char outside the alphabet.</summary>
    public static bool TryGetBytes(string token, out byte[] bytes)
    {
        bytes = new byte[token.Length];
        for (var i = 0; i < token.Length; i++)
        {
            if (token[i] >= Bytes.Length || Bytes[token[i]] < 0)
                return false;
            bytes[i] = (byte)Bytes[token[i]];
        }

        return true;
    }

    private static char[] MakeChars()
    {
        var chars = new char[256];
        var next = 256;
        for (var value = 0; value < 256; value++)
            chars[value] = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)value : (char)next++;
        return chars;
    }

    private static short[] MakeBytes()
    {
        var bytes = new short[Chars.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < 256; value++)
            bytes[Chars[value]] = (short)value;
        return bytes;
    }
}
