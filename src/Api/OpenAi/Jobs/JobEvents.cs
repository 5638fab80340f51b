using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Domain.Tasks;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>Shows a task's events as a job's.</summary>
internal static class JobEvents
{
    public static JobEventResponse Show(TaskEvent row)
    {
        var data = (JsonObject)SnakeCase(JsonNode.Parse(row.DataJson))!;
        return new JobEventResponse
        {
            Id = JobIds.OfEvent(row.TaskId, row.Number),
            CreatedAt = row.CreatedAt.ToUnixTimeSeconds(),
            Level = row.Type switch
            {
                TaskEventTypes.Failed => "error",
                TaskEventTypes.AttemptFailed or TaskEventTypes.OutOfMemory or TaskEventTypes.GateRefused or TaskEventTypes.DriftAlarm => "warn",
                _ => "info",
            },
            Message = Message(row.Type, data),
            Type = row.Type is TaskEventTypes.Progress or TaskEventTypes.Evaluated ? "metrics" : "message",
            Data = data,
            Event = row.Type,
        };
    }

    private static string Message(string type, JsonObject data) => type switch
    {
        TaskEventTypes.Queued when data["reason"] is { } reason => $"Queued again: {reason}",
        TaskEventTypes.Queued => $"Created: {data["rows"]} rows to train on, {data["evaluation_rows"]} held out, {data["steps"]} steps.",
        TaskEventTypes.Started => $"Started, attempt {data["attempt"]}.",
        TaskEventTypes.Phase => $"Now {data["phase"]}.",
        TaskEventTypes.Progress => $"Step {data["step"]}/{data["total_steps"]}{Loss(data["train_loss"])}",
        TaskEventTypes.MemoryPlan => $"Trains on {data["rows"]} rows at a time{Recomputed(data)}{Scoring(data)}, to fit into memory.",
        TaskEventTypes.OutOfMemory when data["scored_tokens"] is { } tokens => $"Memory ran out while rows were scored: from there on {tokens} tokens at a time.",
        TaskEventTypes.OutOfMemory => $"Memory ran out in step {data["step"]}: from there on {data["rows"]} rows at a time{Recomputed(data)}. The batch stays as large.",
        TaskEventTypes.Checkpoint => $"Wrote a recovery point at step {data["step"]}.",
        TaskEventTypes.Resumed => $"Went on from step {data["step"]}.",
        TaskEventTypes.RowsAdded => $"The adapter wrote {data["rows"]} rows of its earlier tasks and learns them as well.",
        TaskEventTypes.RowsLeftOut => $"Scores {data["rows"]} held-out rows of each earlier task that has more ({data["tasks"]} task(s), {data["left_out"]} row(s) left out), as Training:ScoringShare says.",
        TaskEventTypes.Paused => "Paused.",
        TaskEventTypes.AttemptFailed => $"Attempt {data["attempt"]} failed: {data["reason"]}",
        TaskEventTypes.Evaluated => "Scored held-out rows of every task so far.",
        TaskEventTypes.Published => $"Published version {data["version"]}.",
        TaskEventTypes.GateRefused => $"The gate keeps version {data["version"]} from answering: {data["gate"]?["verdict"]}.",
        TaskEventTypes.DriftAlarm => $"Version {data["version"]} drifted: {data["alarm"]} is {data["value"]}, {data["limit"]} is allowed.",
        TaskEventTypes.Succeeded => "The job has succeeded.",
        TaskEventTypes.Failed => $"The job has failed: {data["message"]}",
        TaskEventTypes.Cancelled => "The job was cancelled.",
        _ => type,
    };

    private static string Recomputed(JsonObject data) => (bool?)data["recomputes"] == true ? " with gradient checkpointing" : "";

    private static string Scoring(JsonObject data) => data["scored_tokens"] is { } tokens ? $", and scores {tokens} tokens at a time" : "";

    private static string Loss(JsonNode? loss) => loss is null ? "" : string.Create(CultureInfo.InvariantCulture, $": training loss {(double)loss:0.0000}");

    /// <summary>The same with the names of its fields as everything on the /v1 routes has them.</summary>
    internal static JsonNode? SnakeCase(JsonNode? node) => node switch
    {
        JsonObject fields => new JsonObject(fields.Select(field => KeyValuePair.Create(JsonNamingPolicy.SnakeCaseLower.ConvertName(field.Key), SnakeCase(field.Value)))),
        JsonArray items => new JsonArray([.. items.Select(SnakeCase)]),
        _ => node?.DeepClone(),
    };
}
