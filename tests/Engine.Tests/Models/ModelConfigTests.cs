using ContinualService.Engine.Models;
using Xunit;

namespace ContinualService.Engine.Tests.Models;

public sealed class ModelConfigTests
{
    [Theory]
    [InlineData("mixtral", "", "mixtral")]
    [InlineData("llama", """, "surprise": 1 """, "surprise")]
    [InlineData("llama", """, "hidden_act": "gelu" """, "hidden_act")]
    [InlineData("llama", """, "quantization_config": {"bits": 4} """, "quantization_config")]
    [InlineData("llama", """, "rope_scaling": {"type": "dynamic", "factor": 2.0} """, "dynamic")]
    [InlineData("llama", """, "rope_scaling": {"type": "linear", "factor": 2.0, "extra": 1} """, "extra")]
    [InlineData("llama", """, "rope_scaling": {"type": "linear", "factor": 2.0}, "rope_parameters": {"rope_type": "default"} """, "both")]
    [InlineData("llama", """, "rope_theta": 5.0, "rope_parameters": {"rope_type": "default", "rope_theta": 6.0} """, "rope_theta")]
    [InlineData("llama", """, "sliding_window": 4 """, "sliding_window")]
    [InlineData("llama", """, "partial_rotary_factor": 0.5 """, "partial_rotary_factor")]
    [InlineData("llama", """, "rope_interleaved": true """, "rope_interleaved")]
    [InlineData("llama", """, "tie_word_embeddings": "yes" """, "tie_word_embeddings")]
    [InlineData("llama", """, "bos_token_id": 1.5 """, "bos_token_id")]
    [InlineData("llama", """, "vocab_size": 40 """, "valid JSON")]
    [InlineData("qwen2", """, "layer_types": ["full_attention"] """, "layer_types")]
    [InlineData("qwen2", """, "layer_types": ["full_attention", "sliding_attention"] """, "sliding_window")]
    public void Parse_WhatIsNotComputed_IsRefusedByName(string family, string more, string named)
    {
        var error = Assert.Throws<ModelFormatException>(() => ModelConfig.Parse(TinyModels.Json(family, more), null));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_UnsupportedFamily_SaysWhichAreSupported()
    {
        var error = Assert.Throws<ModelFormatException>(() => ModelConfig.Parse(TinyModels.Json("gpt2"), null));

        Assert.Contains("llama, mistral, qwen2, qwen3", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model_type": "llama"}""", "hidden_size")]
    [InlineData("[1]", "object")]
    [InlineData("{", "valid JSON")]
    [InlineData("""{"model_type": "\ud800"}""", "valid JSON")]
    [InlineData("""{"model_type": "llama", "x": [{"\ud800": 1}]}""", "valid JSON")]
    public void Parse_BrokenFile_SaysWhatIsMissing(string json, string named)
    {
        var error = Assert.Throws<ModelFormatException>(() => ModelConfig.Parse(json, null));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_GenerationConfig_OverridesTheStopIds()
    {
        var config = ModelConfig.Parse(TinyModels.Json(), """{"eos_token_id": [7, 9], "temperature": 0.6, "anything": true}""");

        Assert.Equal([7, 9], config.EosTokenIds);
        Assert.Equal([2], ModelConfig.Parse(TinyModels.Json(), null).EosTokenIds);
    }

    [Fact]
    public void Parse_BothRopeDialects_MeanTheSame()
    {
        const string options = "\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 32";

        var old = ModelConfig.Parse(TinyModels.Json(more: $$""", "rope_theta": 500000.0, "rope_scaling": { {{options}} } """), null);
        var recent = ModelConfig.Parse(TinyModels.Json(more: $$""", "rope_parameters": { "rope_theta": 500000.0, {{options}} } """), null);

        Assert.Equal(old.Rope, recent.Rope);
        Assert.Equal(RopeType.Llama3, old.Rope.Type);
    }

    [Fact]
    public void Parse_PublishedConfigs_AreUnderstood()
    {
        // The fields that real checkpoints of these families carry.
        const string mistral = """
            {"architectures": ["MistralForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2, "head_dim": null, "hidden_act": "silu",
             "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mistral",
             "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "sliding_window": null,
             "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.42.0.dev0", "use_cache": true, "vocab_size": 32768}
            """;
        const string qwen3 = """
            {"architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645, "head_dim": 128,
             "hidden_act": "silu", "hidden_size": 1024, "initializer_range": 0.02, "intermediate_size": 3072, "max_position_embeddings": 40960, "max_window_layers": 28,
             "model_type": "qwen3", "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8, "rms_norm_eps": 1e-06, "rope_scaling": null,
             "rope_theta": 1000000, "sliding_window": null, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers_version": "4.51.0", "use_cache": true,
             "use_sliding_window": false, "vocab_size": 151936}
            """;
        const string smol = """
            {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu",
             "hidden_size": 576, "initializer_range": 0.041666666666666664, "intermediate_size": 1536, "is_llama_config": true, "max_position_embeddings": 8192,
             "mlp_bias": false, "model_type": "llama", "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3, "pad_token_id": 2, "pretraining_tp": 1,
             "rms_norm_eps": 1e-05, "rope_interleaved": false, "rope_scaling": null, "rope_theta": 100000, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
             "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}}, "transformers_version": "4.42.3", "use_cache": true, "vocab_size": 49152}
            """;

        Assert.Null(ModelConfig.Parse(mistral, null).SlidingWindow);
        Assert.Equal(128, ModelConfig.Parse(qwen3, null).HeadWidth);
        Assert.True(ModelConfig.Parse(qwen3, null).QueryKeyNorm);
        Assert.Equal(64, ModelConfig.Parse(smol, null).HeadWidth);
    }
}
