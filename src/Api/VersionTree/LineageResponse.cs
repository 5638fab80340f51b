namespace ContinualService.Api.VersionTree;

/// <summary>The versions of an adapter as a graph. Along the edges of kind parent it is a tree, which version 0, the base model, is the root of.</summary>
/// <param name="AdapterId">Whose.</param>
/// <param name="Adapter">Its name.</param>
/// <param name="Model">The base model.</param>
/// <param name="BaseDigest">Its digest.</param>
/// <param name="Method">The method of every version, with the options that differ from their defaults.</param>
/// <param name="Head">The version that the next task starts from; 0: the base.</param>
/// <param name="Nodes">Versions, in the order they were published.</param>
/// <param name="Edges">In the order of time.</param>
public sealed record LineageResponse(
    string AdapterId, string Adapter, string Model, string BaseDigest, string Method, int Head, IReadOnlyList<LineageNode> Nodes, IReadOnlyList<LineageEdge> Edges);
