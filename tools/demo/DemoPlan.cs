using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Demo;

/// <summary>One sample task: its files (relative to the plan) and a question to ask once it is learned.</summary>
internal sealed record DemoTask(string Name, string Train, string Evaluation, string Question, string Expected);

/// <summary>What the demo does: the settings of both adapters and the tasks in order. Read from samples/tasks/demo.json.</summary>
internal sealed record DemoPlan(
    string Model, int Rank, double Alpha, JsonNode TargetModules, JsonObject Hyperparameters, IReadOnlyList<DemoTask> Tasks)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web);

    public static DemoPlan Load(string path) =>
        JsonSerializer.Deserialize<DemoPlan>(File.ReadAllText(path), s_json) ?? throw new InvalidDataException($"{path} is empty.");
}
