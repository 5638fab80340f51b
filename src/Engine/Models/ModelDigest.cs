using System.Security.Cryptography;
using System.Text;

namespace ContinualService.Engine.Models;

/// <summary>What a base model is, in one hash: two folders with the same digest give the same tokens and the same logits.</summary>
public static class ModelDigest
{
    private static readonly string[] Texts =
        ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "model.safetensors.index.json"];

    /// <summary>The files that decide what the model computes: weights, config, tokenizer and template; in ordinal order of their names.</summary>
    public static IReadOnlyList<FileInfo> Files(string folder) =>
    [
        .. new DirectoryInfo(folder).EnumerateFiles()
            .Where(file => Texts.Contains(file.Name) || file.Extension == ".safetensors")
            .OrderBy(file => file.Name, StringComparer.Ordinal),
    ];

    /// <summary>SHA-256, lower-case hex, over the lines "name sha256-of-the-file" of <see cref="Files"/>. Reads every byte of the folder's weights.</summary>
    public static string Of(string folder)
    {
        var lines = new StringBuilder();
        foreach (var file in Files(folder))
        {
            using var stream = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
            lines.Append(file.Name).Append(' ').Append(Convert.ToHexStringLower(SHA256.HashData(stream))).Append('\n');
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines.ToString())));
    }
}
