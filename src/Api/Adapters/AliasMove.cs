using ContinualService.Domain.Adapters;

namespace ContinualService.Api.Adapters;

/// <summary>One move of an alias.</summary>
/// <param name="Alias">Its name.</param>
/// <param name="FromVersion">Null: it was made.</param>
/// <param name="ToVersion">The version it named from then on.</param>
/// <param name="Actor">Id of the task that published the version, or of the API key that moved the alias.</param>
/// <param name="ChangedAt">When.</param>
public sealed record AliasMove(string Alias, int? FromVersion, int ToVersion, string Actor, DateTimeOffset ChangedAt)
{
    internal static AliasMove Of(AliasChange row) => new(row.Alias, row.FromVersion, row.ToVersion, row.Actor, row.ChangedAt);
}
