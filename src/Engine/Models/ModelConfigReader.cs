using System.Text.Json.Nodes;

namespace ContinualService.Engine.Models;

/// <summary>Reads config.json strictly: what would change the arithmetic is understood or refused, and only known harmless fields are passed over.</summary>
internal static class ModelConfigReader
{
    private static readonly string[] Families = ["llama", "mistral", "qwen2", "qwen3"];

    /// <summary>Fields that do not change a forward pass of a trained model.</summary>
    private static readonly HashSet<string> Ignored =
    [
        .. ("_name_or_path architectures torch_dtype dtype transformers_version use_cache initializer_range pretraining_tp attention_dropout attn_implementation "
        + "_attn_implementation _attn_implementation_autoset is_llama_config unsloth_fixed unsloth_version transformers.js_config neftune_noise_alpha "
        + "output_attentions output_hidden_states output_scores torchscript use_bfloat16 chunk_size_feed_forward is_decoder id2label label2id problem_type return_dict "
        + "return_dict_in_generate tokenizer_class prefix task_specific_params finetuning_task tf_legacy_loss model_max_length license "
        + "temperature top_k top_p typical_p do_sample max_length min_length max_new_tokens num_beams num_beam_groups num_return_sequences repetition_penalty length_penalty "
        + "no_repeat_ngram_size encoder_no_repeat_ngram_size bad_words_ids suppress_tokens begin_suppress_tokens early_stopping diversity_penalty "
        + "exponential_decay_length_penalty forced_bos_token_id forced_eos_token_id decoder_start_token_id sep_token_id remove_invalid_values").Split(' '),
    ];

    public static ModelConfig Read(string folder)
    {
        var path = Path.Combine(folder, "config.json");
        if (!File.Exists(path)) throw new ModelFormatException($"{path} does not exist; a model is a folder in the Hugging Face layout with config.json.");
        var generation = Path.Combine(folder, "generation_config.json");
        return Read(File.ReadAllText(path), File.Exists(generation) ? File.ReadAllText(generation) : null);
    }

    public static ModelConfig Read(string configJson, string? generationConfigJson)
    {
        var json = StrictObject.Parse(configJson, "config.json");
        var family = json.Text("model_type");
        if (!Families.Contains(family))
            throw new ModelFormatException($"config.json: model_type '{family}' is not supported. Supported are {string.Join(", ", Families)}.");
        RefuseWhatIsNotComputed(json);

        var hidden = json.Size("hidden_size");
        var layers = json.Size("num_hidden_layers");
        var heads = json.Size("num_attention_heads");
        var keyValueHeads = family == "llama" ? json.Size("num_key_value_heads", heads) : json.Size("num_key_value_heads");
        if (heads % keyValueHeads != 0) throw json.Wrong("num_key_value_heads", $"a divisor of num_attention_heads ({heads})");
        var maxPositions = json.Size("max_position_embeddings");
        var epsilon = json.Double("rms_norm_eps", 1e-6);
        if (epsilon <= 0) throw json.Wrong("rms_norm_eps", "above 0");
        // attention_bias means q, k, v and o in llama and qwen3; mistral has no such option and qwen2 always has q, k, v.
        var attentionBias = family is "llama" or "qwen3" && json.Bool("attention_bias", false);

        var config = new ModelConfig
        {
            ModelType = family,
            VocabularySize = json.Size("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = json.Size("intermediate_size"),
            LayerCount = layers,
            HeadCount = heads,
            KeyValueHeadCount = keyValueHeads,
            HeadWidth = HeadWidth(json, family, hidden, heads),
            MaxPositions = maxPositions,
            RmsNormEpsilon = epsilon,
            TieWordEmbeddings = json.Bool("tie_word_embeddings", false),
            QueryKeyValueBias = attentionBias || family == "qwen2",
            AttentionOutputBias = attentionBias,
            MlpBias = family == "llama" && json.Bool("mlp_bias", false),
            QueryKeyNorm = family == "qwen3",
            SlidingWindow = Window(json, family),
            FirstSlidingLayer = family is "qwen2" or "qwen3" ? json.Int("max_window_layers", 28) : 0,
            SlidingLayers = LayerTypes(json, layers),
            Rope = RopeConfigReader.Read(json, maxPositions),
            BosTokenId = json.OptionalInt("bos_token_id"),
            PadTokenId = json.OptionalInt("pad_token_id"),
            EosTokenIds = json.IntOrList("eos_token_id"),
        };
        json.RefuseTheRest(Ignored);
        if (config.SlidingLayers?.Contains(true) == true && config.SlidingWindow is null)
            throw new ModelFormatException("config.json: layer_types asks for sliding_attention, but sliding_window is not set (or use_sliding_window is false).");
        return generationConfigJson is null ? config : WithGeneration(config, StrictObject.Parse(generationConfigJson, "generation_config.json"));
    }

    /// <summary>Sampling defaults are the server's business: only the token ids are taken, and unknown fields do not matter.</summary>
    private static ModelConfig WithGeneration(ModelConfig config, StrictObject json)
    {
        var stops = json.IntOrList("eos_token_id");
        return config with
        {
            EosTokenIds = stops.Count > 0 ? stops : config.EosTokenIds,
            BosTokenId = json.OptionalInt("bos_token_id") ?? config.BosTokenId,
            PadTokenId = json.OptionalInt("pad_token_id") ?? config.PadTokenId,
        };
    }

    private static void RefuseWhatIsNotComputed(StrictObject json)
    {
        if (json.Text("hidden_act", "silu") != "silu") throw json.Wrong("hidden_act", "silu, the only activation of the supported families");
        if (json.Has("quantization_config"))
            throw new ModelFormatException("config.json: quantization_config is set, but only unquantised weights (F32, F16, BF16) are read. Use the unquantised model.");
        foreach (var option in new[] { "rope_interleaved", "use_mrope", "is_encoder_decoder", "add_cross_attention", "tie_encoder_decoder" })
            if (json.Bool(option, false)) throw json.Wrong(option, "false: this option is not computed");
        if (json.Double("partial_rotary_factor", 1) != 1) throw json.Wrong("partial_rotary_factor", "1: partial rotation is not computed");
        if (json.Node("pruned_heads") is JsonObject { Count: > 0 }) throw json.Wrong("pruned_heads", "empty: pruned heads are not computed");
        if (json.Has("cross_attention_hidden_size")) throw json.Wrong("cross_attention_hidden_size", "null");
    }

    private static int HeadWidth(StrictObject json, string family, int hidden, int heads)
    {
        var explicitWidth = json.OptionalInt("head_dim");
        // qwen3's published default does not follow from the other sizes.
        if (explicitWidth is null && family == "qwen3") explicitWidth = 128;
        if (explicitWidth is null && hidden % heads != 0) throw json.Wrong("hidden_size", $"divisible by num_attention_heads ({heads}) when head_dim is absent");
        var width = explicitWidth ?? hidden / heads;
        return width >= 2 && width % 2 == 0 ? width : throw json.Wrong("head_dim", "even and at least 2: rotary positions turn pairs of dimensions");
    }

    private static int? Window(StrictObject json, string family)
    {
        switch (family)
        {
            case "mistral":
                // The field's published default is a window of 4096; an explicit null means none.
                return json.Mentions("sliding_window") ? PositiveOrNull(json) : 4096;
            case "qwen2" or "qwen3":
                var window = PositiveOrNull(json);
                return json.Bool("use_sliding_window", false) ? window : null;
            default:
                if (json.Has("sliding_window")) throw json.Wrong("sliding_window", "absent: llama has no window");
                return null;
        }
    }

    private static int? PositiveOrNull(StrictObject json) => json.Has("sliding_window") ? json.Size("sliding_window") : null;

    private static List<bool>? LayerTypes(StrictObject json, int layers)
    {
        if (!json.Has("layer_types")) return null;
        if (json.Node("layer_types") is not JsonArray types || types.Count != layers) throw json.Wrong("layer_types", $"a list of {layers} names");
        return [.. types.Select(type => (type as JsonValue)?.ToString() switch
        {
            "full_attention" => false,
            "sliding_attention" => true,
            _ => throw json.Wrong("layer_types", "made of full_attention and sliding_attention"),
        })];
    }
}
