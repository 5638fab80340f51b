using System.Globalization;
using System.Text.RegularExpressions;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>What stands after the colon of a <c>str.format</c> field.</summary>
internal sealed partial class FormatSpecification
{
    public FormatSpecification(string text)
    {
        var match = Pattern().Match(text);
        if (!match.Success) throw new JinjaException($"invalid format specifier '{text}'");
        var zero = match.Groups["zero"].Success;
        Alignment = Character(match.Groups["align"]) ?? (zero ? '=' : null);
        Fill = Character(match.Groups["fill"]) ?? (zero ? '0' : null);
        Sign = Character(match.Groups["sign"]) ?? '-';
        Prefixed = match.Groups["prefix"].Success;
        Width = Number(match.Groups["width"]) ?? 0;
        Grouped = match.Groups["group"].Success;
        Precision = Number(match.Groups["precision"]);
        Kind = Character(match.Groups["kind"]) ?? '\0';
    }

    public char? Alignment { get; }

    public char? Fill { get; }

    public char Sign { get; }

    public bool Prefixed { get; }

    public int Width { get; }

    public bool Grouped { get; }

    public int? Precision { get; }

    public char Kind { get; }

    private static char? Character(Group group) => group.Success ? group.Value[0] : null;

    private static int? Number(Group group) => group.Success ? int.Parse(group.Value, CultureInfo.InvariantCulture) : null;

    [GeneratedRegex(@"\A(?:(?<fill>.)?(?<align>[<>=^]))?(?<sign>[-+ ])?(?<prefix>\#)?(?<zero>0)?(?<width>[0-9]{1,8})?(?<group>,)?(?:\.(?<precision>[0-9]{1,8}))?(?<kind>[sdnxXobfFeEgG%])?\z", RegexOptions.Singleline)]
    private static partial Regex Pattern();
}
