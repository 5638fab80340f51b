using ContinualService.Domain.Adapters;

namespace ContinualService.Api.Adapters;

/// <summary>Who made a refused version head and live all the same.</summary>
/// <param name="Reason">In their words.</param>
/// <param name="Actor">Id of the API key.</param>
/// <param name="At">When.</param>
public sealed record VersionOverride(string Reason, string Actor, DateTimeOffset At)
{
    internal static VersionOverride? Of(AdapterVersion version) => version is { OverrideReason: { } reason, OverriddenBy: { } actor, OverriddenAt: { } at } ? new(reason, actor, at) : null;
}
