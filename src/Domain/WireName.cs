using System.Text.Json;

namespace ContinualService.Domain;

/// <summary>The spelling of an enum's value outside the process: snake case, <c>LossDiverged</c> is <c>loss_diverged</c>.</summary>
public static class WireName
{
    public static string Of<TEnum>(TEnum value)
        where TEnum : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    /// <summary>The value spelled so, or null where no value is.</summary>
    public static TEnum? Parse<TEnum>(string? name)
        where TEnum : struct, Enum
    {
        foreach (var value in Enum.GetValues<TEnum>())
            if (Of(value) == name)
                return value;
        return null;
    }
}
