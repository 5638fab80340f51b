using System.Globalization;
using System.Text;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>
/// NFC, NFD, NFKC and NFKD by Unicode Standard Annex 15, with the origin of every char. The runtime's string.Normalize
/// returns its input unchanged under invariant globalization, hence this one, with its table in normalization.txt.
/// </summary>
internal static class UnicodeNormalizer
{
    private const int HangulBase = 0xAC00, HangulCount = 11172, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7;
    private const int LeadCount = 19, VowelCount = 21, TrailCount = 28;

    private static readonly Lazy<Tables> Data = new(Read);

    public static AlignedText Apply(AlignedText text, bool compatible, bool compose)
    {
        // Below these, nothing decomposes or composes with its neighbour.
        var stable = compose && !compatible ? '\u0300' : '\u0080';
        if (!text.Text.AsSpan().ContainsAnyExceptInRange('\0', (char)(stable - 1)))
            return text;
        var units = Decompose(text, compatible);
        Reorder(units);
        if (compose)
            units = Compose(units);
        var result = new AlignedTextBuilder(text.Text.Length);
        Span<char> chars = stackalloc char[2];
        foreach (var unit in units)
            result.Append(chars[..new Rune(unit.Code).EncodeToUtf16(chars)], unit.Start, unit.End);
        return result.Build(text.Origin);
    }

    private static List<Unit> Decompose(AlignedText text, bool compatible)
    {
        var tables = Data.Value;
        var units = new List<Unit>(text.Text.Length);
        for (var i = 0; i < text.Text.Length;)
        {
            var rune = Rune.GetRuneAt(text.Text, i);
            var (start, end) = text.Range(i, i + rune.Utf16SequenceLength);
            i += rune.Utf16SequenceLength;
            foreach (var code in Decomposition(tables, rune.Value, compatible))
                units.Add(new Unit(code, tables.Classes.GetValueOrDefault(code), start, end));
        }

        return units;
    }

    private static int[] Decomposition(Tables tables, int code, bool compatible)
    {
        if ((compatible && tables.Compatible.TryGetValue(code, out var parts)) || tables.Canonical.TryGetValue(code, out parts))
            return parts;
        var index = code - HangulBase;
        if (index is < 0 or >= HangulCount)
            return [code];
        var lead = LeadBase + (index / (VowelCount * TrailCount));
        var vowel = VowelBase + (index % (VowelCount * TrailCount) / TrailCount);
        return index % TrailCount == 0 ? [lead, vowel] : [lead, vowel, TrailBase + (index % TrailCount)];
    }

    /// <summary>Sorts each run of combining marks by class, marks of one class staying in order.</summary>
    private static void Reorder(List<Unit> units)
    {
        for (var i = 0; i < units.Count; i++)
        {
            var start = i;
            while (i < units.Count && units[i].Class != 0)
                i++;
            if (i - start < 2)
                continue;
            var sorted = units.GetRange(start, i - start).OrderBy(u => u.Class).ToArray();
            for (var k = 0; k < sorted.Length; k++)
                units[start + k] = sorted[k];
        }
    }

    private static List<Unit> Compose(List<Unit> units)
    {
        var tables = Data.Value;
        var result = new List<Unit>(units.Count);
        var starter = -1;
        var last = 0;
        foreach (var unit in units)
        {
            // A mark is blocked by an equal or higher class between it and the starter.
            if (starter >= 0 && (result.Count == starter + 1 || last < unit.Class)
                && Pair(tables, result[starter].Code, unit.Code) is { } composed)
            {
                var s = result[starter];
                result[starter] = new Unit(composed, 0, Math.Min(s.Start, unit.Start), Math.Max(s.End, unit.End));
                continue;
            }

            if (unit.Class == 0)
                starter = result.Count;
            last = unit.Class;
            result.Add(unit);
        }

        return result;
    }

    private static int? Pair(Tables tables, int first, int second)
    {
        if (first - LeadBase is >= 0 and < LeadCount && second - VowelBase is >= 0 and < VowelCount)
            return HangulBase + ((((first - LeadBase) * VowelCount) + second - VowelBase) * TrailCount);
        if (first - HangulBase is >= 0 and < HangulCount && (first - HangulBase) % TrailCount == 0
            && second - TrailBase is > 0 and < TrailCount)
            return first + second - TrailBase;
        return tables.Pairs.TryGetValue((first, second), out var composed) ? composed : null;
    }

    private static Tables Read()
    {
        var tables = new Tables([], [], [], []);
        using var stream = typeof(UnicodeNormalizer).Assembly.GetManifestResourceStream("normalization.txt")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line[0] == '#')
                continue;
            var n = line[2..].Split(' ').Select(p => int.Parse(p, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToArray();
            switch (line[0])
            {
                case 'c':
                    for (var code = n[1]; code <= n[2]; code++)
                        tables.Classes[code] = (byte)n[0];
                    break;
                case 'd':
                    tables.Canonical[n[0]] = n[1..];
                    break;
                case 'k':
                    tables.Compatible[n[0]] = n[1..];
                    break;
                default:
                    tables.Pairs[(n[0], n[1])] = n[2];
                    break;
            }
        }

        return tables;
    }

    private readonly record struct Unit(int Code, byte Class, int Start, int End);

    private sealed record Tables(
        Dictionary<int, byte> Classes, Dictionary<int, int[]> Canonical, Dictionary<int, int[]> Compatible, Dictionary<(int, int), int> Pairs);
}
