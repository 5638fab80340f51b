using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary><c>==</c>, hash and order of Python values.</summary>
internal sealed class PythonEquality : IEqualityComparer<object>
{
    public static readonly PythonEquality Instance = new();

    private PythonEquality()
    {
    }

    public new bool Equals(object? left, object? right) => AreEqual(left!, right!);

    public int GetHashCode(object value) => value switch
    {
        TupleValue tuple => tuple.Items.Aggregate(tuple.Items.Count, (hash, item) => HashCode.Combine(hash, GetHashCode(item))),
        SequenceValue or DictValue => throw new JinjaException($"unhashable type: '{Python.TypeName(value)}'"),
        Undefined => 0,
        double number when double.IsInteger(number) => new BigInteger(number).GetHashCode(),
        _ when Python.TryInteger(value, out var integer) => integer.GetHashCode(),
        _ when Python.AsString(value) is { } text => text.GetHashCode(StringComparison.Ordinal),
        _ => value.GetHashCode(),
    };

    public static bool AreEqual(object left, object right)
    {
        if (ReferenceEquals(left, right)) return true;
        if (Python.AsString(left) is { } text) return Python.AsString(right) == text;
        if (Python.TryInteger(left, out var a) && Python.TryInteger(right, out var b)) return a == b;
        if (Python.TryNumber(left, out var x) && Python.TryNumber(right, out var y)) return NumbersEqual(left, right, x, y);
        return (left, right) switch
        {
            (Undefined, Undefined) => true,
            (ListValue l, ListValue r) => SequencesEqual(l, r),
            (TupleValue l, TupleValue r) => SequencesEqual(l, r),
            (DictValue l, DictValue r) => DictsEqual(l, r),
            (RangeValue l, RangeValue r) => Enumerable.SequenceEqual(Python.Iterate(l), Python.Iterate(r), Instance),
            (DictView { Kind: not "values" } l, DictView { Kind: not "values" } r) =>
                l.Length == r.Length && l.Values.All(item => r.Values.Contains(item, Instance)),
            _ => false,
        };
    }

    /// <exception cref="JinjaException">The two have no order.</exception>
    public static int Compare(object left, object right, string symbol = "<")
    {
        if (Python.AsString(left) is { } text && Python.AsString(right) is { } other) return PythonString.Compare(text, other);
        if (Python.TryInteger(left, out var a) && Python.TryInteger(right, out var b)) return a.CompareTo(b);
        if (Python.TryNumber(left, out var x) && Python.TryNumber(right, out var y)) return x.CompareTo(y);
        if (left is SequenceValue l && right is SequenceValue r && l.GetType() == r.GetType()) return CompareSequences(l, r, symbol);
        if ((left as Undefined ?? right as Undefined) is { } undefined) throw new JinjaException(undefined.Message);
        throw new JinjaException(
            $"'{symbol}' not supported between instances of '{Python.TypeName(left)}' and '{Python.TypeName(right)}'");
    }

    /// <summary>Whether the two can only be unequal and unordered: then every comparison is false.</summary>
    public static bool IsNotANumber(object left, object right) => left is double.NaN || right is double.NaN;

    private static bool NumbersEqual(object left, object right, double x, double y)
    {
        // An integer beyond 2^53 must not equal its rounded double.
        if (left is double && right is double) return x == y;
        var (real, integer) = left is double ? (x, right) : (y, left);
        return double.IsInteger(real) && Python.TryInteger(integer, out var exact) && new BigInteger(real) == exact;
    }

    private static bool SequencesEqual(SequenceValue left, SequenceValue right)
    {
        if (left.Items.Count != right.Items.Count) return false;
        for (var i = 0; i < left.Items.Count; i++)
        {
            if (!AreEqual(left.Items[i], right.Items[i])) return false;
        }

        return true;
    }

    private static bool DictsEqual(DictValue left, DictValue right)
    {
        if (left.Length != right.Length) return false;
        foreach (var (key, value) in left.Items)
        {
            if (!right.TryGet(key, out var other) || !AreEqual(value, other)) return false;
        }

        return true;
    }

    private static int CompareSequences(SequenceValue left, SequenceValue right, string symbol)
    {
        var common = Math.Min(left.Items.Count, right.Items.Count);
        for (var i = 0; i < common; i++)
        {
            if (!AreEqual(left.Items[i], right.Items[i])) return Compare(left.Items[i], right.Items[i], symbol);
        }

        return left.Items.Count.CompareTo(right.Items.Count);
    }
}
