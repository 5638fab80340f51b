using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Engine.Text;

namespace ContinualService.Engine.Tests.Data;

/// <summary>A tokenizer of single bytes (id = byte) with ChatML's special tokens, and a chat format in its simplest form.</summary>
internal static class ByteText
{
    public const int StartId = 256;
    public const int EndId = 257;
    public const int EndOfTextId = 258;
    public const int VocabularySize = 259;

    private const string ChatMl =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    public static Tokenizer Tokenizer { get; } = Tokenizer.Parse(TokenizerJson(), TokenizerConfig(null));

    /// <summary>ChatML, or no template at all.</summary>
    public static ChatFormat Chat(bool template = true, string source = ChatMl)
    {
        var folder = Directory.CreateTempSubdirectory("byte-text");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "tokenizer_config.json"), TokenizerConfig(template ? source : null));
            return ChatFormat.Load(folder.FullName, Tokenizer);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string TokenizerConfig(string? template)
    {
        var config = new JsonObject { ["eos_token"] = "<|endoftext|>" };
        if (template is not null) config["chat_template"] = template;
        return config.ToJsonString();
    }

    private static string TokenizerJson()
    {
        var vocabulary = new JsonObject();
        var moved = 0;
        for (var value = 0; value < 256; value++)
        {
            // The byte alphabet of GPT-2: printable bytes stand for themselves, the others are counted up from U+0100.
            var printable = value is (>= 33 and <= 126) or (>= 161 and <= 172) or (>= 174 and <= 255);
            vocabulary[((char)(printable ? value : 256 + moved++)).ToString()] = value;
        }

        var added = new JsonArray();
        foreach (var (content, id) in new[] { ("<|im_start|>", StartId), ("<|im_end|>", EndId), ("<|endoftext|>", EndOfTextId) })
        {
            added.Add(JsonNode.Parse(JsonSerializer.Serialize(new Dictionary<string, object>
            {
                ["id"] = id,
                ["content"] = content,
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            })));
        }

        return $$"""
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": {{added.ToJsonString()}}, "normalizer": null,
             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
             "post_processor": null, "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
             "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
                       "fuse_unk": false, "byte_fallback": false, "vocab": {{vocabulary.ToJsonString()}}, "merges": []} }
            """;
    }
}
