using System.Globalization;

namespace ContinualService.Api.Storage;

/// <summary>Whether an adapter costs the same after any number of tasks: said of the objects that are stored, whatever the method promises.</summary>
internal static class StorageVerdict
{
    /// <param name="versions">Those that tasks made.</param>
    public static (bool? Constant, string Verdict) Of(IReadOnlyList<StoredVersion> versions)
    {
        if (versions.FirstOrDefault(version => version.Parts.Any(part => part.Bytes is null)) is { } missing)
            return (null, $"Version {missing.Number} has an object that the store does not hold, so nothing can be said. Have the operator run 'verify' and restore what it names.");
        var indices = versions.Select(version => version.TaskIndex).Distinct().Order().ToList();
        if (indices.Count < 2) return (null, "Two versions after different numbers of tasks are needed to compare. Send a second task.");
        foreach (var kind in new[] { StorageReader.State, StorageReader.Weights })
        {
            var sizes = versions.Select(version => (version.Number, version.TaskIndex, Bytes: version.Parts.Single(part => part.Kind == kind).Bytes!.Value)).ToList();
            var (least, most) = (sizes.MinBy(size => size.Bytes), sizes.MaxBy(size => size.Bytes));
            if (least.Bytes != most.Bytes)
                return (false, string.Create(CultureInfo.InvariantCulture, $"The {kind} have {least.Bytes:n0} bytes in version {least.Number} (i = {least.TaskIndex}) and {most.Bytes:n0} in version {most.Number} (i = {most.TaskIndex})."));
        }

        return (true, string.Create(
            CultureInfo.InvariantCulture,
            $"Each of {versions.Count} versions has {versions[0].Parts.Single(part => part.Kind == StorageReader.State).Bytes:n0} bytes of state and {versions[0].Parts.Single(part => part.Kind == StorageReader.Weights).Bytes:n0} of weights, after {indices[0]} task(s) as after {indices[^1]}."));
    }
}
