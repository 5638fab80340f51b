using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Pretrain.Samples;

/// <summary>Writes every sample task as JSONL: NAME.train, NAME.eval (final scores) and dev/NAME.dev (settings are chosen on these).</summary>
internal static class SampleFiles
{
    /// <summary>The seed of the files in samples/tasks.</summary>
    public const int Seed = 11;

    private static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(string folder, int seed)
    {
        Directory.CreateDirectory(Path.Combine(folder, "dev"));
        foreach (var task in SampleTasks.Create(seed))
        {
            File.WriteAllText(Path.Combine(folder, $"{task.Name}.train.jsonl"), Lines(task.Train, task.Form));
            File.WriteAllText(Path.Combine(folder, $"{task.Name}.eval.jsonl"), Lines(task.Evaluation, task.Form));
            File.WriteAllText(Path.Combine(folder, "dev", $"{task.Name}.dev.jsonl"), Lines(task.Development, task.Form));
        }
    }

    private static string Lines(IReadOnlyList<SampleRow> rows, SampleForm form)
    {
        var text = new StringBuilder();
        foreach (var row in rows) text.Append(Json(row, form).ToJsonString(Compact)).Append('\n');
        return text.ToString();
    }

    private static JsonObject Json(SampleRow row, SampleForm form) => form switch
    {
        SampleForm.Messages => new JsonObject
        {
            ["messages"] = new JsonArray(
                new JsonObject { ["role"] = "user", ["content"] = row.Prompt }, new JsonObject { ["role"] = "assistant", ["content"] = row.Answer }),
        },
        SampleForm.PromptCompletion => new JsonObject { ["prompt"] = row.Prompt, ["completion"] = row.Answer },
        _ => new JsonObject { ["instruction"] = row.Instruction, ["input"] = row.Input, ["output"] = row.Answer },
    };
}
