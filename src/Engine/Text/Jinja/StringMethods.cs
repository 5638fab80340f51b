using System.Globalization;
using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Methods of strings.</summary>
internal static class StringMethods
{
    private static readonly HashSet<string> Names =
    [
        "capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format", "index", "isalnum", "isalpha", "isascii", "isdecimal",
        "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip", "partition", "removeprefix",
        "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip",
        "swapcase", "title", "upper", "zfill",
    ];

    public static Callable? Find(object owner, string name)
    {
        if (!Names.Contains(name)) return null;
        return new Callable(name, arguments => owner is Markup markup
            ? Mark(Call(markup.Text, name, Escape(arguments)))
            : Call((string)owner, name, arguments));
    }

    /// <summary>A method of marked text escapes what it is given and marks what it gives.</summary>
    private static object Mark(object result) => result switch
    {
        string text => new Markup(text),
        SequenceValue sequence => sequence.With([.. sequence.Items.Select(Mark)]),
        _ => result,
    };

    private static Arguments Escape(Arguments arguments) =>
        new([.. arguments.Positional.Select(value => value is string text ? Markup.Escape(text) : value is Markup markup ? markup.Text : value)], arguments.Keywords);

    private static object Call(string text, string name, Arguments arguments) => name switch
    {
        "strip" => PythonString.Strip(text, Characters(arguments, name)),
        "lstrip" => PythonString.Strip(text, Characters(arguments, name), right: false),
        "rstrip" => PythonString.Strip(text, Characters(arguments, name), left: false),
        "split" => StringSplit.Split(text, arguments),
        "rsplit" => StringSplit.SplitFromEnd(text, arguments),
        "splitlines" => new ListValue([.. PythonString.SplitLines(text, arguments.Bind(name, "keepends")[0] is { } keep && Python.IsTrue(keep))]),
        "partition" => StringSplit.Partition(text, Python.RequireText(arguments.Single(name), "the separator"), last: false),
        "rpartition" => StringSplit.Partition(text, Python.RequireText(arguments.Single(name), "the separator"), last: true),
        "startswith" => Affix(text, arguments, name, (part, affix) => part.StartsWith(affix, StringComparison.Ordinal)),
        "endswith" => Affix(text, arguments, name, (part, affix) => part.EndsWith(affix, StringComparison.Ordinal)),
        "replace" => Replace(text, arguments.Bind(name, "old", "new", "count")),
        "join" => Join(text, arguments.Single(name)),
        "format" => StringFormat.Apply(text, arguments),
        "find" or "index" => Search(text, arguments, name, last: false),
        "rfind" or "rindex" => Search(text, arguments, name, last: true),
        "count" => Count(text, arguments),
        "removeprefix" => Python.RequireText(arguments.Single(name), "the prefix") is var prefix && text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : text,
        "removesuffix" => Python.RequireText(arguments.Single(name), "the suffix") is var suffix && text.EndsWith(suffix, StringComparison.Ordinal) ? text[..^suffix.Length] : text,
        "center" or "ljust" or "rjust" or "zfill" => Justify(text, arguments, name),
        "expandtabs" => StringSplit.ExpandTabs(text, arguments),
        _ => Plain(text, name, arguments),
    };

    private static object Plain(string text, string name, Arguments arguments)
    {
        arguments.Bind(name);
        return name switch
        {
            "upper" => PythonString.Upper(text),
            "lower" => PythonString.Lower(text),
            "casefold" => PythonString.Lower(text).Replace("ß", "ss", StringComparison.Ordinal),
            "title" => PythonString.Title(text),
            "capitalize" => PythonString.Capitalize(text),
            "swapcase" => string.Concat(text.Select(c => char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c))),
            "isupper" => text.Any(char.IsUpper) && !text.Any(char.IsLower),
            "islower" => text.Any(char.IsLower) && !text.Any(char.IsUpper),
            "istitle" => text.Any(char.IsLetter) && PythonString.Title(text) == text,
            "isascii" => text.All(char.IsAscii),
            _ => text.Length > 0 && text.EnumerateRunes().All(rune => Is(name, rune)),
        };
    }

    private static bool Is(string name, System.Text.Rune rune) => name switch
    {
        "isspace" => rune.IsBmp && PythonString.IsSpace((char)rune.Value),
        "isalpha" => System.Text.Rune.IsLetter(rune),
        "isdecimal" => System.Text.Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber,
        "isdigit" => System.Text.Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber || rune.Value is 0xB2 or 0xB3 or 0xB9,
        "isnumeric" => System.Text.Rune.IsNumber(rune),
        _ => System.Text.Rune.IsLetter(rune) || System.Text.Rune.IsNumber(rune),
    };

    private static string? Characters(Arguments arguments, string name) =>
        arguments.Bind(name, "chars")[0] is { } characters and not NoneValue ? Python.RequireText(characters, "the characters to strip") : null;

    private static bool Affix(string text, Arguments arguments, string name, Func<string, string, bool> matches)
    {
        var bound = arguments.Bind(name, "affix", "start", "end");
        var part = Part(text, bound[1], bound[2]).Text;
        return bound[0] is TupleValue tuple
            ? tuple.Items.Any(affix => matches(part, Python.RequireText(affix, "a prefix or suffix")))
            : matches(part, Python.RequireText(bound[0], $"the argument of {name}()"));
    }

    internal static string Replace(string text, object?[] bound)
    {
        var old = Python.RequireText(bound[0], "what to replace");
        var replacement = Python.RequireText(bound[1], "the replacement");
        var limit = bound[2] is null or NoneValue ? -1 : Python.ToIndex(bound[2]!, "count");
        var found = old.Length == 0 ? text.Length + 1 : text.AsSpan().Count(old);
        if (limit >= 0) found = Math.Min(found, limit);
        Limits.Check(text.Length + ((BigInteger)found * Math.Max(0, replacement.Length - old.Length)));
        if (limit < 0 && old.Length > 0) return text.Replace(old, replacement, StringComparison.Ordinal);
        return StringSplit.ReplaceFirst(text, old, replacement, found);
    }

    internal static string Join(string separator, object items)
    {
        var texts = new List<string>();
        BigInteger length = 0;
        foreach (var item in Python.Iterate(items))
        {
            var text = Python.AsString(item) ?? throw new JinjaException($"sequence item {texts.Count}: expected str instance, {Python.TypeName(item)} found");
            Limits.Check(length += text.Length + separator.Length);
            texts.Add(text);
        }

        return string.Join(separator, texts);
    }

    private static BigInteger Search(string text, Arguments arguments, string name, bool last)
    {
        var bound = arguments.Bind(name, "sub", "start", "end");
        var sub = Python.RequireText(bound[0], "what to find");
        var (part, offset) = Part(text, bound[1], bound[2]);
        var index = last ? part.LastIndexOf(sub, StringComparison.Ordinal) : part.IndexOf(sub, StringComparison.Ordinal);
        if (index < 0 && name.EndsWith("index", StringComparison.Ordinal)) throw new JinjaException("substring not found");
        return new BigInteger(index < 0 ? -1 : offset + PythonString.Length(part[..index]));
    }

    private static BigInteger Count(string text, Arguments arguments)
    {
        var bound = arguments.Bind("count", "sub", "start", "end");
        var sub = Python.RequireText(bound[0], "what to count");
        var part = Part(text, bound[1], bound[2]).Text;
        return new BigInteger(sub.Length == 0 ? PythonString.Length(part) + 1 : part.AsSpan().Count(sub));
    }

    private static (string Text, int Offset) Part(string text, object? start, object? end)
    {
        if (start is null && end is null) return (text, 0);
        var length = PythonString.Length(text);
        var first = Bound(start, 0);
        return (PythonString.Slice(text, first, Math.Max(first, Bound(end, length)), 1), first);

        int Bound(object? value, int fallback)
        {
            if (value is null or NoneValue) return fallback;
            var index = Python.ToIndex(value, "an index");
            return Math.Clamp(index < 0 ? index + length : index, 0, length);
        }
    }

    private static string Justify(string text, Arguments arguments, string name)
    {
        var bound = arguments.Bind(name, "width", "fillchar");
        var width = Python.ToIndex(bound[0] ?? throw new JinjaException($"{name}() needs a width"), "the width");
        var fill = bound[1] is null ? ' ' : Python.RequireText(bound[1], "the fill character") is { Length: 1 } one ? one[0]
            : throw new JinjaException("the fill character must be exactly one character long");
        if (name == "zfill") return NumberFormat.Pad(text, width, '0', '=');
        if (name == "center") return Center(text, width, fill);
        return NumberFormat.Pad(text, width, fill, name == "ljust" ? '<' : '>');
    }

    /// <summary><c>str.center</c> puts an odd blank on the left when the width is odd.</summary>
    internal static string Center(string text, int width, char fill)
    {
        Limits.Check(width);
        var missing = width - PythonString.Length(text);
        if (missing <= 0) return text;
        var left = (missing / 2) + (missing & width & 1);
        return new string(fill, left) + text + new string(fill, missing - left);
    }
}
