using ContinualService.Engine.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>Reads the weights of a model folder: <c>model.safetensors</c>, or shards named by <c>model.safetensors.index.json</c>.</summary>
internal static class Checkpoint
{
    private const string SingleFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";

    private static readonly ScalarType[] Readable = [ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16];

    /// <summary>The files that hold weights, in a fixed order; the index, where there is one, comes first.</summary>
    public static IReadOnlyList<string> Files(string folder)
    {
        var single = Path.Combine(folder, SingleFile);
        if (File.Exists(single)) return [single];
        var index = Path.Combine(folder, IndexFile);
        if (!File.Exists(index)) throw new ModelFormatException($"{folder} holds neither {SingleFile} nor {IndexFile}; other weight formats (.bin, .gguf) are not read.");
        return [index, .. ShardNames(ReadIndex(index), index).Select(name => Path.Combine(folder, name))];
    }

    /// <summary>Adds every weight that the layout asks for.</summary>
    /// <exception cref="ModelFormatException">A weight is missing, unexpected, or of another shape or dtype.</exception>
    public static void Load(string folder, ModelConfig config, BaseWeights weights)
    {
        var shapes = DecoderLayout.Shapes(config);
        var unexpected = new List<string>();
        var files = Files(folder);
        var expectedFile = files[0].EndsWith(IndexFile, StringComparison.Ordinal) ? ReadIndex(files[0]) : null;
        foreach (var path in files.Skip(expectedFile is null ? 0 : 1))
        {
            using var file = SafetensorsFile.Open(path);
            foreach (var name in file.Names)
            {
                if (expectedFile is not null && (!expectedFile.TryGetValue(name, out var shard) || shard != Path.GetFileName(path)))
                    throw new ModelFormatException($"{path} holds {name}, but {IndexFile} does not place it there; download the model again.");
                if (Ignored(name, config)) continue;
                if (!shapes.TryGetValue(name, out var shape)) unexpected.Add(name);
                else Add(weights, file, path, name, shape);
            }
        }

        Check(folder, shapes.Keys.Where(name => !weights.Has(name)), unexpected);
    }

    private static void Add(BaseWeights weights, SafetensorsFile file, string path, string name, long[] shape)
    {
        if (!file.Shape(name).SequenceEqual(shape))
            throw new ModelFormatException($"{path}: {name} has shape [{string.Join(", ", file.Shape(name))}], but config.json makes it [{string.Join(", ", shape)}].");
        if (!Readable.Contains(file.DType(name)))
            throw new ModelFormatException($"{path}: {name} has dtype {file.DType(name)}; weights must be F32, F16 or BF16.");
        using var mapped = file.Map(name);
        weights.Add(name, mapped);
    }

    /// <summary>Buffers that old exports wrote, and the head beside tied embeddings, which repeats them.</summary>
    private static bool Ignored(string name, ModelConfig config) =>
        name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal) || (config.TieWordEmbeddings && name == DecoderLayout.Head);

    private static void Check(string folder, IEnumerable<string> missing, List<string> unexpected)
    {
        var (absent, extra) = (missing.ToList(), unexpected);
        if (absent.Count == 0 && extra.Count == 0) return;
        throw new ModelFormatException($"{folder}: the weights do not fit config.json."
            + (absent.Count > 0 ? $" Missing: {Some(absent)}." : "") + (extra.Count > 0 ? $" Unexpected: {Some(extra)}." : ""));
    }

    private static string Some(List<string> names) => string.Join(", ", names.Take(8)) + (names.Count > 8 ? $" and {names.Count - 8} more" : "");

    private static Dictionary<string, string> ReadIndex(string path)
    {
        var json = StrictObject.Parse(File.ReadAllText(path), path);
        var map = json.Object("weight_map") ?? throw new ModelFormatException($"{path}: weight_map is missing.");
        return map.Entries.Keys.ToDictionary(name => name, name => map.Text(name));
    }

    private static IEnumerable<string> ShardNames(Dictionary<string, string> index, string path)
    {
        foreach (var name in index.Values.Distinct().Order(StringComparer.Ordinal))
        {
            // An index is untrusted: it may only name files beside itself.
            if (name.Length == 0 || name != Path.GetFileName(name) || !name.EndsWith(".safetensors", StringComparison.Ordinal))
                throw new ModelFormatException($"{path}: weight_map names '{name}', which is not a .safetensors file in the same folder.");
            yield return name;
        }
    }
}
