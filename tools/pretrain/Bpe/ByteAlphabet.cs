namespace ContinualService.Pretrain.Bpe;

/// <summary>The printable character that stands for each byte in a byte-level tokenizer.json (the table that GPT-2 introduced).</summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = Build();

    public static char Of(byte value) => Characters[value];

    private static char[] Build()
    {
        var characters = new char[256];
        var next = 256;
        for (var value = 0; value < 256; value++)
        {
            var printable = value is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE;
            characters[value] = (char)(printable ? value : next++);
        }

        return characters;
    }
}
