using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Engine.Models;

namespace ContinualService.Engine.Lora;

/// <summary>Reads and writes PEFT's adapter_config.json; what would change the arithmetic is refused with its reason.</summary>
internal static class PeftConfigFile
{
    public const string FileName = "adapter_config.json";

    private const int LargestRank = 1024;

    /// <summary>Fields that PEFT writes and that say nothing about the weights of a plain LoRA.</summary>
    private static readonly HashSet<string> Ignored =
        ["auto_mapping", "base_model_name_or_path", "revision", "inference_mode", "init_lora_weights", "layers_pattern", "peft_version", "ensure_weight_tying", "task_type", "qalora_group_size"];

    /// <summary>Fields of other kinds of adapter: harmless while null, false or empty.</summary>
    private static readonly Dictionary<string, string> MustBeEmpty = new()
    {
        ["use_dora"] = "DoRA normalises the weights, which is not computed",
        ["modules_to_save"] = "whole modules saved beside the LoRA are not loaded",
        ["fan_in_fan_out"] = "transposed (Conv1D) layers do not occur in the supported models",
        ["layers_to_transform"] = "a choice of layers is read from the weights, not from this list; export the adapter without it",
        ["trainable_token_indices"] = "trained token embeddings are not loaded",
        ["target_parameters"] = "LoRA on bare parameters is not computed",
        ["exclude_modules"] = "exclusions are not computed; list the targets instead",
        ["layer_replication"] = "replicated layers are not computed",
        ["megatron_config"] = "Megatron layers do not occur in the supported models",
        ["loftq_config"] = "LoftQ changes the base weights",
        ["eva_config"] = "EVA initialisation may change the base weights",
        ["corda_config"] = "CorDA changes the base weights",
        ["lora_bias"] = "biases on the LoRA's own layers are not computed",
        ["use_qalora"] = "QALoRA is not computed",
        ["use_bdlora"] = "block-diagonal LoRA is not computed",
        ["alora_invocation_tokens"] = "activated LoRA switches on in mid-sequence, which is not computed",
        ["arrow_config"] = "Arrow routing is not computed",
        ["monteclora_config"] = "MonteCLoRA is not computed",
    };

    public static (LoraConfig Config, string? BaseModel, string? Revision) Read(string path)
    {
        if (!File.Exists(path)) throw new ModelFormatException($"{path} does not exist; a PEFT adapter holds {FileName} and adapter_model.safetensors.");
        var json = StrictObject.Parse(File.ReadAllText(path), path);
        if (json.Text("peft_type") != "LORA") throw json.Wrong("peft_type", "LORA, the only supported kind of adapter");
        if (json.Text("bias", "none") != "none") throw json.Wrong("bias", "none: trained biases are not loaded");
        if (json.Text("task_type", "CAUSAL_LM") != "CAUSAL_LM") throw json.Wrong("task_type", "CAUSAL_LM");
        if (json.OptionalText("megatron_core") is not (null or "megatron.core")) throw json.Wrong("megatron_core", "absent");
        RefuseOtherKinds(json);
        RefuseInitialisationThatChangesTheBase(json);

        var rank = json.Size("r");
        var config = new LoraConfig(rank, json.Double("lora_alpha"), Targets(json), json.Bool("use_rslora", false))
        {
            Dropout = json.Double("lora_dropout", 0),
            RankPattern = Pattern(json, "rank_pattern", inner => (Func<string, int>)(name => inner.Size(name))),
            AlphaPattern = Pattern(json, "alpha_pattern", inner => (Func<string, double>)(name => inner.Double(name))),
        };
        if (config.RankPattern.Values.Append(rank).Max() > LargestRank) throw json.Wrong("r", $"at most {LargestRank}, in rank_pattern too");
        var (baseModel, revision) = (json.OptionalText("base_model_name_or_path"), json.OptionalText("revision"));
        json.RefuseTheRest(Ignored);
        return (config, baseModel, revision);
    }

    public static string Write(LoraConfig config, string baseModelName)
    {
        // Sorted, as PEFT itself writes it.
        var json = new JsonObject
        {
            ["alpha_pattern"] = Node(config.AlphaPattern),
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = baseModelName,
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["inference_mode"] = true,
            ["init_lora_weights"] = true,
            ["layers_pattern"] = null,
            ["layers_to_transform"] = null,
            ["lora_alpha"] = config.Alpha,
            ["lora_dropout"] = config.Dropout,
            ["modules_to_save"] = null,
            ["peft_type"] = "LORA",
            ["r"] = config.Rank,
            ["rank_pattern"] = Node(config.RankPattern),
            ["revision"] = null,
            ["target_modules"] = new JsonArray([.. config.TargetModules.Order(StringComparer.Ordinal).Select(name => (JsonNode)name)]),
            ["task_type"] = "CAUSAL_LM",
            ["use_dora"] = false,
            ["use_rslora"] = config.UseRsLora,
        };
        return json.ToJsonString(new JsonSerializerOptions { WriteIndented = true, IndentSize = 2 }) + "\n";
    }

    private static JsonObject Node<T>(IReadOnlyDictionary<string, T> pattern) =>
        new(pattern.OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => KeyValuePair.Create(item.Key, (JsonNode?)JsonValue.Create(item.Value))));

    private static void RefuseOtherKinds(StrictObject json)
    {
        foreach (var (name, reason) in MustBeEmpty)
        {
            var empty = json.Node(name) switch
            {
                null or JsonArray { Count: 0 } or JsonObject { Count: 0 } => true,
                JsonValue value => value.GetValueKind() == JsonValueKind.False || (value.GetValueKind() == JsonValueKind.String && value.GetValue<string>().Length == 0),
                _ => false,
            };
            if (!empty) throw json.Wrong(name, $"null, false or empty: {reason}");
        }
    }

    /// <summary>PiSSA, CorDA, OLoRA, LoftQ and the like subtract their start from the base: their A and B do not fit the published base weights.</summary>
    private static void RefuseInitialisationThatChangesTheBase(StrictObject json)
    {
        var start = json.Node("init_lora_weights");
        var harmless = start is null || start.GetValueKind() is JsonValueKind.True or JsonValueKind.False
            || (start.GetValueKind() == JsonValueKind.String && start.GetValue<string>() is "gaussian" or "eva" or "orthogonal");
        if (!harmless) throw json.Wrong("init_lora_weights", "a start that leaves the base weights alone; convert the adapter to a plain LoRA first (PEFT: path_initial_model_for_weight_conversion)");
    }

    private static IReadOnlyList<string> Targets(StrictObject json)
    {
        var node = json.Node("target_modules");
        if (node is JsonValue value && value.GetValueKind() == JsonValueKind.String)
            return value.GetValue<string>() == LoraConfig.AllLinear ? [LoraConfig.AllLinear] : throw json.Wrong("target_modules", "a list of names or all-linear: patterns are not computed");
        if (node is not JsonArray { Count: > 0 } names) throw json.Wrong("target_modules", "a list of module names");
        return [.. names.Select(name => name?.GetValueKind() == JsonValueKind.String ? name.GetValue<string>() : throw json.Wrong("target_modules", "a list of module names"))];
    }

    private static Dictionary<string, T> Pattern<T>(StrictObject json, string field, Func<StrictObject, Func<string, T>> reader)
    {
        if (json.Object(field) is not { } inner) return [];
        var read = reader(inner);
        var pattern = inner.Entries.Keys.ToDictionary(key => key, read);
        foreach (var key in pattern.Keys)
        {
            try
            {
                _ = LoraConfig.PatternOf(key);
            }
            catch (Exception error) when (error is ArgumentException or NotSupportedException)
            {
                throw new ModelFormatException($"{FileName}: {field} has the key '{key}', which is no usable pattern ({error.Message}).", error);
            }
        }

        return pattern;
    }
}
