using System.Numerics;
using System.Text;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Python's operators on template values.</summary>
internal static class Operators
{
    public static object Apply(string symbol, object left, object right)
    {
        if ((left as Undefined ?? right as Undefined) is { } undefined && !(symbol == "%" && left is string)) throw new JinjaException(undefined.Message);
        return symbol switch
        {
            "+" => Add(left, right),
            "*" => Multiply(left, right),
            "%" when Python.AsString(left) is not null => PercentFormat.Apply(left, right),
            _ => Calculate(symbol, left, right),
        };
    }

    public static object Negate(object value, bool negative)
    {
        if (value is Undefined undefined) throw new JinjaException(undefined.Message);
        if (value is double real) return negative ? -real : real;
        if (Python.TryInteger(value, out var integer)) return negative ? -integer : integer;
        throw new JinjaException($"bad operand type for unary {(negative ? '-' : '+')}: '{Python.TypeName(value)}'");
    }

    public static bool Compare(string symbol, object left, object right)
    {
        switch (symbol)
        {
            case "==": return PythonEquality.AreEqual(left, right);
            case "!=": return !PythonEquality.AreEqual(left, right);
            case "in": return Contains(right, left);
            case "not in": return !Contains(right, left);
        }

        var order = PythonEquality.Compare(left, right, symbol);
        if (PythonEquality.IsNotANumber(left, right)) return false;
        return symbol switch
        {
            "<" => order < 0,
            "<=" => order <= 0,
            ">" => order > 0,
            _ => order >= 0,
        };
    }

    public static bool Contains(object container, object item)
    {
        if (Python.AsString(container) is { } text)
        {
            return text.Contains(
                Python.AsString(item) ?? throw new JinjaException($"'in <string>' requires string as left operand, not {Python.TypeName(item)}"),
                StringComparison.Ordinal);
        }

        return container switch
        {
            DictValue dict => dict.TryGet(item, out _),
            SequenceValue or DictView or RangeValue or GeneratorValue or Undefined => Python.Iterate(container).Any(other => PythonEquality.AreEqual(item, other)),
            _ => throw new JinjaException($"argument of type '{Python.TypeName(container)}' is not iterable"),
        };
    }

    private static object Add(object left, object right)
    {
        if (Python.AsString(left) is { } text && Python.AsString(right) is { } other)
        {
            Limits.Check((BigInteger)text.Length + other.Length);
            if (left is Markup || right is Markup) return new Markup(Markup.Escape(left) + Markup.Escape(right));
            return text + other;
        }

        if (left is SequenceValue l && right is SequenceValue r && l.GetType() == r.GetType()) return l.With([.. l.Items, .. r.Items]);
        return Calculate("+", left, right);
    }

    private static object Multiply(object left, object right)
    {
        if (Python.TryInteger(left, out var count) && (Python.AsString(right) is not null || right is SequenceValue)) return Repeat(right, count);
        if (Python.TryInteger(right, out count) && (Python.AsString(left) is not null || left is SequenceValue)) return Repeat(left, count);
        return Calculate("*", left, right);
    }

    private static object Repeat(object value, BigInteger count)
    {
        count = BigInteger.Max(count, 0);
        Limits.Check(count * Container.WeightOf(value));
        if (value is SequenceValue sequence) return sequence.With([.. Enumerable.Repeat(sequence.Items, (int)count).SelectMany(items => items)]);
        var text = Python.AsString(value)!;
        var repeated = text.Length == 0 ? "" : new StringBuilder(text.Length * (int)count).Insert(0, text, (int)count).ToString();
        return value is Markup ? new Markup(repeated) : repeated;
    }

    private static object Calculate(string symbol, object left, object right)
    {
        if (Python.TryInteger(left, out var a) && Python.TryInteger(right, out var b)) return Calculate(symbol, a, b);
        if (Python.TryNumber(left, out var x) && Python.TryNumber(right, out var y)) return Calculate(symbol, x, y);
        throw new JinjaException(
            $"unsupported operand type(s) for {(symbol == "**" ? "** or pow()" : symbol)}: '{Python.TypeName(left)}' and '{Python.TypeName(right)}'");
    }

    private static object Calculate(string symbol, BigInteger a, BigInteger b)
    {
        switch (symbol)
        {
            case "+": return Limits.CheckNumber(a + b);
            case "-": return Limits.CheckNumber(a - b);
            case "*": return Limits.CheckNumber(a * b);
            case "**": return Power(a, b);
        }

        if (b.IsZero) throw new JinjaException("division by zero");
        if (symbol == "/") return (double)a / (double)b;
        var quotient = BigInteger.DivRem(a, b, out var remainder);
        var rounded = !remainder.IsZero && remainder.Sign != b.Sign; // Python rounds down, .NET towards zero
        if (symbol == "//") return rounded ? quotient - 1 : quotient;
        return rounded ? remainder + b : remainder;
    }

    private static object Power(BigInteger a, BigInteger b)
    {
        if (b.Sign < 0) return a.IsZero ? throw new JinjaException("0 cannot be raised to a negative power") : Math.Pow((double)a, (double)b);
        if (BigInteger.Abs(a) > 1 && b * a.GetBitLength() > 1 << 15) throw JinjaException.TooLarge("a number");
        return BigInteger.Abs(a) <= 1 ? (b.IsEven ? a * a : a) is var small && b.IsZero ? BigInteger.One : small : Limits.CheckNumber(BigInteger.Pow(a, (int)b));
    }

    private static double Calculate(string symbol, double x, double y)
    {
        if (symbol is "/" or "//" or "%" && y == 0) throw new JinjaException("float division by zero");
        return symbol switch
        {
            "+" => x + y,
            "-" => x - y,
            "*" => x * y,
            "/" => x / y,
            "//" => Math.Floor(x / y),
            "**" => Math.Pow(x, y),
            _ => Modulo(x, y),
        };
    }

    private static double Modulo(double x, double y)
    {
        var remainder = x % y;
        return remainder != 0 && (remainder < 0) != (y < 0) ? remainder + y : remainder;
    }
}
