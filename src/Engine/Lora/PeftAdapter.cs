using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>A LoRA in the files that PEFT, vLLM, LoRAX and llama.cpp's converter read.</summary>
public static class PeftAdapter
{
    public const string WeightsFile = "adapter_model.safetensors";

    public const string ConfigFile = PeftConfigFile.FileName;

    /// <summary>The product's own facts beside the adapter.</summary>
    public const string FactsFile = "slao.json";

    private const string Prefix = "base_model.model.";
    private const string SuffixA = ".lora_A.weight";
    private const string SuffixB = ".lora_B.weight";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2 };

    private static readonly ScalarType[] Readable = [ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16];

    /// <summary>Reads an adapter for <paramref name="decoder"/>; the weights are float32 on the decoder's device and belong to the caller.</summary>
    /// <exception cref="ModelFormatException">Anything is unknown, missing, unexpected, misshapen or not finite, or the adapter is of a kind that is not computed.</exception>
    public static (LoraConfig Config, LoraWeights Weights) Load(string folder, Decoder decoder)
    {
        var config = ReadConfig(folder).Config;
        var path = Path.Combine(folder, WeightsFile);
        if (!File.Exists(path)) throw new ModelFormatException($"{path} does not exist; adapters in other formats (.bin, .gguf) are not read.");
        return (config, LoadWeights(path, config, decoder));
    }

    /// <summary>Reads the weights file alone, for an adapter whose configuration is known.</summary>
    /// <exception cref="ModelFormatException">The weights do not fit <paramref name="config"/> or the base, or are not finite.</exception>
    public static LoraWeights LoadWeights(string path, LoraConfig config, Decoder decoder) => LoadWeights(path, config, decoder.Config, decoder.Device);

    /// <inheritdoc cref="LoadWeights(string, LoraConfig, Decoder)"/>
    public static LoraWeights LoadWeights(string path, LoraConfig config, ModelConfig model, Device device)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var file = SafetensorsFile.Open(path);

        var sites = DecoderLayout.Linears(model).ToDictionary(site => site.Path);
        var paths = file.Names.Select(name => PathOf(name, path)).Distinct().ToList();
        if (paths.Count == 0) throw new ModelFormatException($"{path} holds no LoRA weights.");
        var targeted = LoraWeights.Resolve(model, config).Select(site => site.Path).ToHashSet();
        if (paths.FirstOrDefault(name => !sites.ContainsKey(name)) is { } stranger)
            throw new ModelFormatException($"{path}: {stranger} is no linear layer of this base model; the adapter belongs to another base.");
        if (paths.FirstOrDefault(name => !targeted.Contains(name)) is { } extra)
            throw new ModelFormatException($"{path}: {extra} carries a LoRA, but target_modules of {PeftConfigFile.FileName} do not name it.");
        if (targeted.FirstOrDefault(name => !paths.Contains(name)) is { } missing)
            throw new ModelFormatException($"{path}: {missing} is named by target_modules of {PeftConfigFile.FileName}, but carries no LoRA.");

        var pairs = paths.Select(name => sites[name]).OrderBy(site => site.Index).Select(site =>
        {
            var rank = config.RankOf(site.Path);
            var a = Read(file, path, Prefix + site.Path + SuffixA, [rank, site.InFeatures], device);
            var b = Read(file, path, Prefix + site.Path + SuffixB, [site.OutFeatures, rank], device);
            return new LoraPair(site, a, b, config.ScaleOf(site.Path));
        });
        return new LoraWeights([.. pairs]);
    }

    /// <summary>The configuration alone, with the base model and revision it names (null where it names none).</summary>
    public static (LoraConfig Config, string? BaseModel, string? Revision) ReadConfig(string folder) => PeftConfigFile.Read(Path.Combine(folder, PeftConfigFile.FileName));

    /// <summary>
    /// Writes configuration, float32 weights, model card and, where given, the product's own <paramref name="facts"/> (also into the weights' metadata).
    /// The same adapter gives the same bytes.
    /// </summary>
    public static void Save(string folder, LoraConfig config, LoraWeights weights, string baseModelName, JsonObject? facts = null)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Directory.CreateDirectory(folder);
        var tensors = new Dictionary<string, Tensor>();
        foreach (var pair in weights.Pairs)
        {
            CheckScale(config, pair);
            tensors[Prefix + pair.Site.Path + SuffixA] = pair.A.detach().to(float32);
            tensors[Prefix + pair.Site.Path + SuffixB] = pair.B.detach().to(float32);
        }

        var metadata = facts?.ToDictionary(fact => fact.Key, fact => fact.Value?.GetValueKind() == JsonValueKind.String ? fact.Value.GetValue<string>() : fact.Value?.ToJsonString() ?? "null");
        SafetensorsWriter.Write(Path.Combine(folder, WeightsFile), tensors, metadata);
        foreach (var (name, text) in Texts(config, [.. weights.Pairs.Select(pair => pair.Site.Path)], baseModelName, facts)) File.WriteAllText(Path.Combine(folder, name), text);
    }

    /// <summary>The files that stand beside the weights (configuration, model card and, where given, <paramref name="facts"/>), by name.</summary>
    /// <param name="config">The adapter's shape.</param>
    /// <param name="weightsPath">A weights file that <see cref="Save"/> wrote; its names say which layers carry a LoRA.</param>
    /// <param name="baseModelName">What to call the base.</param>
    /// <param name="facts">The product's own facts.</param>
    public static IReadOnlyDictionary<string, string> Texts(LoraConfig config, string weightsPath, string baseModelName, JsonObject? facts = null)
    {
        using var file = SafetensorsFile.Open(weightsPath);
        return Texts(config, [.. file.Names.Select(name => PathOf(name, weightsPath)).Distinct()], baseModelName, facts);
    }

    /// <summary>Whether a weights file holds float32 alone, as <see cref="Save"/> writes it.</summary>
    public static bool IsFloat32(string weightsPath)
    {
        using var file = SafetensorsFile.Open(weightsPath);
        return file.Names.All(name => file.DType(name) == ScalarType.Float32);
    }

    /// <summary>What <see cref="FactsFile"/> holds.</summary>
    public static string FactsText(JsonObject facts) => facts.ToJsonString(Indented) + "\n";

    private static Dictionary<string, string> Texts(LoraConfig config, IReadOnlyList<string> paths, string baseModelName, JsonObject? facts)
    {
        // PEFT knows "all-linear" only as an instruction for training; a saved adapter lists the names.
        var named = config.TargetModules is [LoraConfig.AllLinear]
            ? config with { TargetModules = [.. paths.Select(path => path[(path.LastIndexOf('.') + 1)..]).Distinct()] }
            : config;
        var texts = new Dictionary<string, string>
        {
            [PeftConfigFile.FileName] = PeftConfigFile.Write(named, baseModelName),
            ["README.md"] = PeftModelCard.Write(named, baseModelName, facts),
        };
        if (facts is not null) texts[FactsFile] = FactsText(facts);
        return texts;
    }

    /// <summary>The files hold A and B, not the scale: readers derive it from the configuration, so a pair that was run with another would change its meaning.</summary>
    private static void CheckScale(LoraConfig config, LoraPair pair)
    {
        var written = config.ScaleOf(pair.Site.Path);
        if (pair.A.shape[0] != config.RankOf(pair.Site.Path) || Math.Abs(written - pair.Scale) > 1e-9 * Math.Abs(pair.Scale))
            throw new ArgumentException($"{pair.Site.Path} has rank {pair.A.shape[0]} and scale {pair.Scale}, but the configuration says {config.RankOf(pair.Site.Path)} and {written}.", nameof(config));
    }

    private static string PathOf(string name, string file)
    {
        var suffix = name.EndsWith(SuffixA, StringComparison.Ordinal) ? SuffixA : SuffixB;
        if (name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(suffix, StringComparison.Ordinal) && name.Length > Prefix.Length + suffix.Length)
            return name[Prefix.Length..^suffix.Length];
        throw new ModelFormatException($"{file}: unexpected tensor {name}; a LoRA holds {Prefix}<layer>{SuffixA} and {SuffixB} only.");
    }

    private static Tensor Read(SafetensorsFile file, string path, string name, long[] shape, Device device)
    {
        if (!file.Contains(name)) throw new ModelFormatException($"{path}: {name} is missing.");
        if (!file.Shape(name).SequenceEqual(shape))
            throw new ModelFormatException($"{path}: {name} has shape [{string.Join(", ", file.Shape(name))}], but rank and base model make it [{string.Join(", ", shape)}].");
        if (!Readable.Contains(file.DType(name))) throw new ModelFormatException($"{path}: {name} has dtype {file.DType(name)}; it must be F32, F16 or BF16.");
        // A copy of its own: an uploaded file may be replaced or deleted while the adapter serves.
        var values = file.Read(name).to(float32);
        if (!values.isfinite().all().item<bool>()) throw new ModelFormatException($"{path}: {name} holds values that are not finite; the training that made it diverged.");
        return values.to(device);
    }
}
