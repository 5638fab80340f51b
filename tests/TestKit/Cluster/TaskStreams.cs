using System.Text.Json.Nodes;

namespace ContinualService.TestKit.Cluster;

/// <summary>
/// Streams of small tasks, made from their numbers alone: two adapters with one stream end in the same bytes, whoever trains them, so that an undisturbed
/// adapter is the measure of a disturbed one.
/// </summary>
public static class TaskStreams
{
    /// <summary>The adapter that learns a stream; all have one shape.</summary>
    public static JsonObject Adapter(string name) => new() { ["name"] = name, ["model"] = ServiceCluster.Model, ["rank"] = 4, ["alpha"] = 8, ["targetModules"] = "all-linear" };

    /// <summary>The task at a place of a stream. The first takes several times as long as the others, so that checkpoints fall into it.</summary>
    /// <param name="adapter">That learns it.</param>
    /// <param name="stream">Number of the stream.</param>
    /// <param name="place">From 1.</param>
    /// <param name="firstEpochs">Length of the first task; the others have 20.</param>
    public static JsonObject Task(string adapter, int stream, int place, int firstEpochs = 240)
    {
        var rows = Enumerable.Range(0, 10).Select(row => (JsonNode)new JsonObject { ["prompt"] = $"stream {stream} task {place} row {row}", ["completion"] = (row + stream + place) % 3 == 0 ? "yes" : "no" });
        return new JsonObject
        {
            ["adapter"] = adapter,
            ["name"] = $"{stream}.{place}",
            ["examples"] = new JsonArray([.. rows]),
            ["hyperparameters"] = new JsonObject { ["learningRate"] = 1e-3, ["epochs"] = place == 1 ? firstEpochs : 20, ["batchSize"] = 3, ["dropout"] = 0.1, ["seed"] = (stream * 100) + place },
        };
    }
}
