using System.Text;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>What one stored token spelling stands for, without the rules about neighbours and text ends.</summary>
internal static class TokenSpelling
{
    public static byte[] Bytes(string token, IReadOnlyList<Func<DecodeStage>> stages)
    {
        var output = "";
        foreach (var make in stages)
        {
            switch (make())
            {
                case ByteLevelDecodeStage:
                    return ByteAlphabet.TryGetBytes(token, out var bytes) ? bytes : Encoding.UTF8.GetBytes(token);
                case ByteFallbackDecodeStage when ByteFallbackDecodeStage.TryByte(token, out var value):
                    return [value];
                case ReplaceDecodeStage replace:
                    output = "";
                    replace.Next = text => output += text;
                    replace.Push(token);
                    replace.Finish();
                    token = output;
                    break;
                case MetaspaceDecodeStage metaspace:
                    token = metaspace.Spaces(token);
                    break;
                default:
                    break; // Strip and joining concern neighbours and ends
            }
        }

        return Encoding.UTF8.GetBytes(token);
    }
}
