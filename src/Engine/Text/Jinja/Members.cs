using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>
/// <c>a.b</c> and <c>a[b]</c> as Jinja2's sandbox resolves them: a dot tries the methods of the type, then the key; brackets the key,
/// then the method. What is not found is undefined, and using that is the error.
/// </summary>
internal static class Members
{
    public static object Attribute(object owner, string name)
    {
        if (owner is Undefined undefined) throw new JinjaException(undefined.Message);
        if (Method(owner, name) is { } member) return member;
        return owner is DictValue dict && dict.TryGet(name, out var value) ? value : Undefined.Missing(owner, name);
    }

    public static object Item(object owner, object key)
    {
        if (owner is Undefined undefined) throw new JinjaException(undefined.Message);
        if (Find(owner, key) is { } value) return value;
        if (Python.AsString(key) is { } name && Method(owner, name) is { } member) return member;
        return Undefined.Missing(owner, key);
    }

    /// <summary><c>owner[start:stop:step]</c>.</summary>
    public static object Slice(object owner, object? start, object? stop, object? step)
    {
        if (owner is Undefined undefined) throw new JinjaException(undefined.Message);
        if (Python.AsString(owner) is null && owner is not (SequenceValue or RangeValue))
            throw new JinjaException($"'{Python.TypeName(owner)}' object cannot be sliced");
        var (first, last, stride) = Bounds(Python.Length(owner), start, stop, step);
        if (Python.AsString(owner) is { } text)
        {
            var slice = PythonString.Slice(text, first, last, stride);
            return owner is Markup ? new Markup(slice) : slice;
        }

        var items = owner is SequenceValue sequence ? sequence.Items : [.. Python.Iterate(owner)];
        var picked = new List<object>();
        for (long i = first; stride > 0 ? i < last : i > last; i += stride) picked.Add(items[(int)i]);
        return owner is SequenceValue same ? same.With(picked) : new ListValue(picked);
    }

    /// <summary>The value under a key or index, null without one.</summary>
    private static object? Find(object owner, object key)
    {
        if (owner is DictValue dict) return key is not (SequenceValue or DictValue) && dict.TryGet(key, out var value) ? value : null;
        if (!Python.TryInteger(key, out var number)) return null;
        if (Python.AsString(owner) is null && owner is not (SequenceValue or RangeValue)) return null;
        var length = Python.Length(owner);
        if (number < 0) number += length;
        if (number < 0 || number >= length) return null;
        var index = (int)number;
        return owner switch
        {
            SequenceValue sequence => sequence.Items[index],
            RangeValue range => range[index],
            Markup markup => new Markup(PythonString.Slice(markup.Text, index, index + 1, 1)),
            _ => PythonString.Slice((string)owner, index, index + 1, 1),
        };
    }

    private static object? Method(object owner, string name)
    {
        if (name.StartsWith('_')) return null;
        return owner switch
        {
            string or Markup => StringMethods.Find(owner, name),
            DictValue dict => CollectionMethods.Find(dict, name),
            TupleValue { FieldNames.Count: > 0 } tuple when tuple.FieldNames.Contains(name) => tuple.Items[tuple.FieldNames.ToList().IndexOf(name)],
            SequenceValue sequence => CollectionMethods.Find(sequence, name),
            NamespaceValue space => space.Attributes.TryGetValue(name, out var value) ? value : null,
            LoopState loop => loop.Member(name),
            RangeValue range => name switch { "start" => range.Start, "stop" => range.Stop, "step" => range.Step, _ => null },
            Callable { IsMacro: true } macro => name == "name" ? macro.Name : null,
            _ => null,
        };
    }

    private static (int First, int Last, int Stride) Bounds(int length, object? start, object? stop, object? step)
    {
        var stride = step is null or NoneValue ? 1 : Python.ToIndex(step, "a slice step");
        if (stride == 0) throw new JinjaException("slice step cannot be zero");
        var (lowest, highest) = stride > 0 ? (0, length) : (-1, length - 1);
        int Bound(object? value, int fallback)
        {
            if (value is null or NoneValue) return fallback;
            if (value is Undefined undefined) throw new JinjaException(undefined.Message);
            var index = Python.ToIndex(value, "a slice index");
            return Math.Clamp(index < 0 ? index + length : index, lowest, highest);
        }

        return stride > 0 ? (Bound(start, 0), Bound(stop, length), stride) : (Bound(start, length - 1), Bound(stop, -1), stride);
    }
}
