using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;

namespace ContinualService.TestKit;

/// <summary>Writes a random llama of a few thousand weights in Hugging Face layout: one token per byte, ChatML, no knowledge.</summary>
public static class TinyModelFolder
{
    public const int ContextLength = 128;
    private const int Bytes = 256;
    private static readonly string[] SpecialTokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

    private const string ChatMl =
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}<|im_end|>{% endgeneration %}"
        + "{% else %}{{ message['content'] }}<|im_end|>{% endif %}\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    /// <summary>Writes the model to <paramref name="root"/>/<paramref name="name"/> and returns that folder. Same seed, same bytes.</summary>
    public static string Write(string root, string name = "tiny", int seed = 1)
    {
        var folder = Directory.CreateDirectory(Path.Combine(root, name)).FullName;
        var config = Config();
        File.WriteAllText(Path.Combine(folder, "config.json"), config);
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), Tokenizer().ToJsonString());
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), TokenizerConfig().ToJsonString());
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var generator = new torch.Generator((ulong)seed, torch.CPU);
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), Decoder.CreateWeights(ModelConfig.Parse(config, null), generator));
        return folder;
    }

    private static string Config() => JsonSerializer.Serialize(new Dictionary<string, object>
    {
        ["model_type"] = "llama",
        ["vocab_size"] = Bytes + SpecialTokens.Length,
        ["hidden_size"] = 16,
        ["intermediate_size"] = 24,
        ["num_hidden_layers"] = 2,
        ["num_attention_heads"] = 4,
        ["num_key_value_heads"] = 2,
        ["max_position_embeddings"] = ContextLength,
        ["rms_norm_eps"] = 1e-5,
        ["tie_word_embeddings"] = true,
        ["bos_token_id"] = Bytes,
        ["eos_token_id"] = Bytes + 2,
    });

    private static JsonObject Tokenizer()
    {
        var vocabulary = new JsonObject();
        foreach (var letter in ByteLetters()) vocabulary[letter.ToString()] = vocabulary.Count;
        var added = SpecialTokens.Select((token, index) => (JsonNode)new JsonObject
        {
            ["id"] = Bytes + index,
            ["content"] = token,
            ["single_word"] = false,
            ["lstrip"] = false,
            ["rstrip"] = false,
            ["normalized"] = false,
            ["special"] = true,
        });
        JsonObject ByteLevel() => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = false, ["use_regex"] = true };
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. added]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = ByteLevel(),
            ["post_processor"] = null,
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray(),
            },
        };
    }

    private static JsonObject TokenizerConfig() => new()
    {
        ["tokenizer_class"] = "PreTrainedTokenizerFast",
        ["eos_token"] = "<|im_end|>",
        ["model_max_length"] = ContextLength,
        ["chat_template"] = ChatMl,
    };

    /// <summary>The letters that byte-level BPE writes for the bytes 0 to 255: printable ones as themselves, the others from U+0100 on.</summary>
    private static IEnumerable<char> ByteLetters()
    {
        var next = 256;
        for (var value = 0; value < Bytes; value++)
        {
            var printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            yield return (char)(printable ? value : next++);
        }
    }
}
