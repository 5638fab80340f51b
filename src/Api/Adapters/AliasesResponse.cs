using ContinualService.Api.Requests;
using ContinualService.Domain.Adapters;

namespace ContinualService.Api.Adapters;

/// <summary>An adapter's aliases and a page of their history.</summary>
/// <param name="Current">What each alias names now.</param>
/// <param name="Data">The moves, newest first.</param>
/// <param name="NextCursor">Give it back as <c>cursor</c> for the next page of moves; null on the last.</param>
public sealed record AliasesResponse(IReadOnlyList<AliasTarget> Current, IReadOnlyList<AliasMove> Data, string? NextCursor)
{
    internal static AliasesResponse Of(IEnumerable<AdapterAlias> current, Page<AliasMove> moves) =>
        new([.. current.Select(alias => new AliasTarget(alias.Name, alias.VersionNumber, alias.UpdatedAt))], moves.Data, moves.NextCursor);
}
