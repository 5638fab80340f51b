namespace ContinualService.Api.VersionTree;

/// <summary>How one version came to be, or was gone over to, from another.</summary>
/// <param name="From">A version's number; 0 is the base model.</param>
/// <param name="To">A version's number.</param>
/// <param name="Kind">parent: learned on top of it; adopted: another merge of it; rollback: live and head went there; live: somebody pointed live there, and the head stayed.</param>
/// <param name="At">When.</param>
/// <param name="Actor">Id of the API key that moved live; null for the others.</param>
public sealed record LineageEdge(int From, int To, string Kind, DateTimeOffset At, string? Actor)
{
    internal const string ParentKind = "parent";
    internal const string AdoptedKind = "adopted";
    internal const string RollbackKind = "rollback";
    internal const string LiveKind = "live";
}
