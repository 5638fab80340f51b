using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace ContinualService.Engine.Lora;

/// <summary>The README.md of an exported adapter.</summary>
internal static class PeftModelCard
{
    public static string Write(LoraConfig config, string baseModelName, JsonObject? facts)
    {
        var card = new StringBuilder();
        card.Append("---\nbase_model: ").Append(baseModelName).Append("\nlibrary_name: peft\ntags:\n- lora\n- continual-learning\n---\n\n");
        card.Append("# LoRA adapter for ").Append(baseModelName).Append("\n\n");
        card.Append(CultureInfo.InvariantCulture, $"Rank {config.Rank}, alpha {config.Alpha}{(config.UseRsLora ? ", rank-stabilised" : "")}, ");
        card.Append("on ").AppendJoin(", ", config.TargetModules.Order(StringComparer.Ordinal)).Append(".\n\n");
        card.Append("One adapter that learned its tasks one after another. Load it with PEFT, vLLM or any server that reads PEFT adapters:\n\n");
        card.Append("```python\nfrom peft import PeftModel\nmodel = PeftModel.from_pretrained(base, \"path/to/this/folder\")\n```\n");
        if (facts is null || facts.Count == 0) return card.ToString();
        card.Append("\n| fact | value |\n|---|---|\n");
        foreach (var (name, value) in facts) card.Append("| ").Append(name).Append(" | ").Append(value?.ToJsonString() ?? "null").Append(" |\n");
        return card.ToString();
    }
}
