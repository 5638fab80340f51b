using ContinualService.Domain.Adapters;

namespace ContinualService.Api.Unlearnings;

/// <summary>A version that the task is part of. It is not deleted.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Aliases">The names that answer with it now.</param>
public sealed record HoldingVersion(int Number, IReadOnlyList<string> Aliases)
{
    /// <summary>Every version whose lineage holds the task, on whatever branch.</summary>
    internal static IReadOnlyList<HoldingVersion> Of(IEnumerable<AdapterVersion> all, IEnumerable<AdapterAlias> aliases, string taskId)
    {
        var (holding, names) = (new HashSet<int>(), aliases.ToLookup(alias => alias.VersionNumber, alias => alias.Name));
        // A parent's number is the smaller one.
        foreach (var version in all.OrderBy(version => version.Number))
            if (version.TaskId == taskId || (version.Parent is { } parent && holding.Contains(parent)))
                holding.Add(version.Number);
        return [.. holding.Order().Select(number => new HoldingVersion(number, [.. names[number].Order(StringComparer.Ordinal)]))];
    }
}
