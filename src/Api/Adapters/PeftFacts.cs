using System.Text.Json.Nodes;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;

namespace ContinualService.Api.Adapters;

/// <summary>What slao.json says about a version beyond PEFT's own fields; the same rows give the same bytes.</summary>
internal static class PeftFacts
{
    public static JsonObject Of(Adapter adapter, AdapterVersion version, LearningTask task, string datasetSha256, string? evaluationSha256)
    {
        var facts = OfImported(adapter, version);
        facts["task"] = task.Name;
        facts["task_id"] = task.Id;
        facts["dataset_sha256"] = datasetSha256;
        facts["evaluation_dataset_sha256"] = evaluationSha256;
        return facts;
    }

    /// <summary>Without a task.</summary>
    public static JsonObject OfImported(Adapter adapter, AdapterVersion version)
    {
        var facts = Plain(adapter, version);
        // Where there are none the file has the bytes it had before there were options, or schedules.
        if (adapter.ContinualMethod().Options.ChosenJson() is { Count: > 0 } options) facts["method_options"] = options;
        if (version.Schedule is { } schedule) facts["schedule"] = schedule;
        return facts;
    }

    private static JsonObject Plain(Adapter adapter, AdapterVersion version) => new()
    {
        ["adapter"] = adapter.Name,
        ["version"] = version.Number,
        ["parent"] = version.Parent,
        ["task"] = null,
        ["task_id"] = null,
        ["method"] = adapter.Method,
        ["i"] = version.TaskIndex,
        ["lambda"] = version.Lambda,
        ["base_model"] = adapter.Model,
        ["base_digest"] = adapter.BaseDigest,
        ["template_sha256"] = adapter.TemplateSha256,
        ["sha256"] = version.Sha256,
        ["state_sha256"] = version.StateSha256,
        ["dataset_sha256"] = null,
        ["evaluation_dataset_sha256"] = null,
        ["average_accuracy"] = version.AverageAccuracy,
        ["backward_transfer"] = version.BackwardTransfer,
        ["forgetting"] = version.Forgetting,
        ["created_at"] = version.CreatedAt.ToString("O"),
    };
}
