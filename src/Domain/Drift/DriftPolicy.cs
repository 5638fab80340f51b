using System.Text.Json;

namespace ContinualService.Domain.Drift;

/// <summary>What an adapter's owner set of the watch over its drift.</summary>
/// <param name="Limits">Where one is null the service's holds.</param>
/// <param name="CanaryPrompts">In place of the service's; null: those.</param>
public sealed record DriftPolicy(DriftLimits Limits, IReadOnlyList<string>? CanaryPrompts)
{
    public static DriftPolicy Read(string? json) => json is null ? new DriftPolicy(new DriftLimits(), null) : JsonSerializer.Deserialize<DriftPolicy>(json, JsonSerializerOptions.Web)!;

    public string Write() => JsonSerializer.Serialize(this, JsonSerializerOptions.Web);
}
