using ContinualService.Engine.Models;

namespace ContinualService.Engine.Lora;

/// <summary>A base model with a LoRA merged into its weights: the base's own folder, W + scale B A in place of each adapted W.</summary>
public static class MergedBase
{
    /// <summary>What other loaders read beside the files that the digest covers, and what the base's licence wants passed on.</summary>
    private static readonly string[] Companions =
        ["special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model", "LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE", "NOTICE.txt", "USE_POLICY.md"];

    /// <summary>The folder's files, by name. Each weights file keeps its name, header, dtype and length, so that the index of a sharded base stays true.</summary>
    /// <param name="folder">The base, in the Hugging Face layout.</param>
    /// <param name="weights">The LoRA, on the CPU; must outlive every opened file.</param>
    /// <exception cref="ModelFormatException">A weights file is malformed, or none holds a layer that the LoRA adapts.</exception>
    public static IReadOnlyList<MergedFile> Files(string folder, LoraWeights weights)
    {
        var weightFiles = Checkpoint.Files(folder).Where(path => path.EndsWith(".safetensors", StringComparison.Ordinal)).ToList();
        CheckPlaces(folder, weightFiles, weights);
        var others = ModelDigest.Files(folder).Where(file => file.Extension != ".safetensors").Select(file => file.FullName)
            .Concat(Companions.Select(name => Path.Combine(folder, name)).Where(File.Exists));
        return
        [
            .. others.Select(path => new MergedFile(Path.GetFileName(path), new FileInfo(path).Length, () => File.OpenRead(path)))
                .Concat(weightFiles.Select(path => new MergedFile(Path.GetFileName(path), new FileInfo(path).Length, () => new MergedWeightsStream(path, weights))))
                .OrderBy(file => file.Name, StringComparer.Ordinal),
        ];
    }

    /// <summary>Before the first byte leaves: a layer that is not found would be handed out unmerged.</summary>
    private static void CheckPlaces(string folder, List<string> weightFiles, LoraWeights weights)
    {
        var missing = weights.Pairs.Select(pair => MergedWeightsStream.NameOf(pair)).ToHashSet();
        foreach (var path in weightFiles)
        {
            using var file = SafetensorsFile.Open(path);
            missing.ExceptWith(file.Names);
        }

        if (missing.Count > 0) throw new ModelFormatException($"{folder} holds no {string.Join(", ", missing.Order(StringComparer.Ordinal).Take(5))}, which the adapter changes.");
    }
}
