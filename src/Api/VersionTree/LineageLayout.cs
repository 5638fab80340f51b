namespace ContinualService.Api.VersionTree;

/// <summary>Where each version stands in a drawing: a column for each step from the base (0), a lane for each branch. The way to the head is lane 0.</summary>
internal static class LineageLayout
{
    public static IReadOnlyDictionary<int, (int Column, int Lane)> Of(LineageResponse lineage)
    {
        var places = new Dictionary<int, (int Column, int Lane)> { [0] = (0, 0) };
        var taken = new HashSet<int> { 0 }; // versions whose lane goes on in a child
        var lanes = 1;
        foreach (var node in lineage.Nodes)
        {
            // A parent is published before its children.
            var parent = places[node.Parent ?? 0];
            var goesOn = parent.Lane > 0 && taken.Add(node.Parent ?? 0);
            places[node.Version] = (parent.Column + 1, node.OnPath ? 0 : goesOn ? parent.Lane : lanes++);
        }

        return places;
    }
}
