using System.Numerics;

namespace ContinualService.Engine.Text.Jinja;

/// <summary>Bounds on what a template may do: templates come with models and are not trusted.</summary>
internal sealed class Limits
{
    /// <summary>Longest text, and largest container counted in characters and items.</summary>
    public const int MaxTextLength = 1 << 24;

    /// <summary>Longest <c>range</c>, as in Jinja2's sandbox.</summary>
    public const int MaxRange = 100_000;

    public const int MaxCallDepth = 150;

    private const long MaxSteps = 20_000_000;
    private const int MaxIntegerBits = 1 << 14;
    private const int CharactersPerStep = 8;

    private long _steps;

    /// <summary>Counts one evaluated node.</summary>
    public void Step()
    {
        if (++_steps > MaxSteps) throw JinjaException.TooLarge("the work of the template");
    }

    /// <summary>Counts a value that an operation made; what it only refers to was counted when that was made.</summary>
    public void Made(object value) => Charge(OwnSize(value) / CharactersPerStep);

    /// <summary>Counts a value that an operation reads through.</summary>
    public void Read(object value) => Charge(OwnSize(value) / (8 * CharactersPerStep));

    public void Charge(long steps)
    {
        _steps += steps;
        if (_steps > MaxSteps) throw JinjaException.TooLarge("the work of the template");
    }

    /// <summary>Refuses a text or list before it is made.</summary>
    public static void Check(BigInteger length)
    {
        if (length > MaxTextLength) throw JinjaException.TooLarge("a text or list");
    }

    /// <summary>Refuses a number that only a runaway template makes.</summary>
    public static BigInteger CheckNumber(BigInteger value) =>
        value.GetBitLength() <= MaxIntegerBits ? value : throw JinjaException.TooLarge("a number");

    private static long OwnSize(object value) => value switch
    {
        string text => text.Length,
        Markup markup => markup.Text.Length,
        SequenceValue sequence => sequence.Items.Count,
        DictValue dict => dict.Length,
        _ => 0,
    };
}
