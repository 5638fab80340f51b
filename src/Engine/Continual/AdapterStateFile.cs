using System.Globalization;
using System.Text.Json;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// The training state as a safetensors file: of each layer the float32 tensors of the method's layout, named <c>a_ft.</c>, <c>b_ft.</c>, <c>b_merge.</c> ... + module path,
/// and in the metadata i, method with options, rank, alpha, targets and the base's digest. Its length depends on i only where the layout does.
/// </summary>
internal static class AdapterStateFile
{
    // int.MaxValue has ten digits.
    private const int DigitsOfTaskIndex = 10;

    public static void Save(AdapterState state, string path, string baseDigest, IReadOnlyDictionary<string, string>? metadata)
    {
        Dictionary<string, Tensor> tensors = [];
        foreach (var site in state.Sites)
        {
            foreach (var (name, tensor) in site.Tensors) tensors[$"{name}.{site.Site.Path}"] = tensor;
        }

        var config = state.Config;
        var taskIndex = state.TaskIndex.ToString(CultureInfo.InvariantCulture);
        Dictionary<string, string> facts = new(metadata ?? new Dictionary<string, string>())
        {
            ["format"] = "pt",
            ["i"] = taskIndex,

            // Constant storage is a promise that clients check to the byte: what i lacks in digits is made up here.
            ["padding"] = new string(' ', DigitsOfTaskIndex - taskIndex.Length),
            ["method"] = state.Method.Name,
            ["rank"] = config.Rank.ToString(CultureInfo.InvariantCulture),
            ["alpha"] = config.Alpha.ToString("R", CultureInfo.InvariantCulture),
            ["target_modules"] = JsonSerializer.Serialize(config.TargetModules),
            ["use_rslora"] = config.UseRsLora ? "true" : "false",
            ["rank_pattern"] = JsonSerializer.Serialize(config.RankPattern),
            ["alpha_pattern"] = JsonSerializer.Serialize(config.AlphaPattern),
            ["base_digest"] = baseDigest,
        };

        // Where there are none the file has the bytes it had before there were options.
        if (state.Method.Options.ChosenJson() is { Count: > 0 } options) facts["method_options"] = options.ToJsonString();
        SafetensorsWriter.Write(path, tensors, facts);
    }

    public static AdapterState Load(string path, ModelConfig model, Device device, string baseDigest, LoraConfig? expected)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(path);
        if (Fact("base_digest") != baseDigest)
        {
            throw new ModelFormatException($"{path}: this training state belongs to another base model (digest {Fact("base_digest")}, this base has {baseDigest}). Use the base it was made on.");
        }

        var config = ReadConfig();
        if (expected is not null) CheckConfig(config, expected);
        var taskIndex = Parse(Fact("i"), text => int.Parse(text, NumberStyles.Integer, CultureInfo.InvariantCulture), "i");
        if (taskIndex < 1) throw new ModelFormatException($"{path}: i is {taskIndex}; it must be 1 or more. The file is damaged: download the state again.");

        var method = ReadMethod();
        var unread = file.Names.ToHashSet();
        List<AdapterSite> sites = [.. LoraWeights.Resolve(model, config).Select(site => new AdapterSite(
            site, method.Layout(config, site, taskIndex).ToDictionary(tensor => tensor.Name, tensor => Read($"{tensor.Name}.{site.Path}", tensor.Rows, tensor.Columns))))];
        if (unread.Count > 0) throw new ModelFormatException($"{path}: unexpected tensors {string.Join(", ", unread.Order().Take(5))}. This is no training state of this base and these target modules.");
        return new AdapterState(config, method, taskIndex, sites);

        string Fact(string key) =>
            file.Metadata.TryGetValue(key, out var value) ? value : throw new ModelFormatException($"{path}: '{key}' is absent from the metadata. This is no training state (format=state) of this service.");

        T Parse<T>(string text, Func<string, T> parse, string key)
        {
            try
            {
                return parse(text);
            }
            catch (Exception error) when (error is FormatException or OverflowException or JsonException)
            {
                throw new ModelFormatException($"{path}: metadata '{key}' is '{text}', which cannot be read. The file is damaged: download the state again.", error);
            }
        }

        IContinualMethod ReadMethod()
        {
            try
            {
                return ContinualMethods.ByName(Fact("method"), file.Metadata.GetValueOrDefault("method_options", "{}"));
            }
            catch (ArgumentException unknown)
            {
                throw new ModelFormatException($"{path}: the state was made by a method that is not known here. {unknown.Message}", unknown);
            }
        }

        LoraConfig ReadConfig() => new(
            Parse(Fact("rank"), text => int.Parse(text, CultureInfo.InvariantCulture), "rank"),
            Parse(Fact("alpha"), text => double.Parse(text, CultureInfo.InvariantCulture), "alpha"),
            Parse(Fact("target_modules"), text => JsonSerializer.Deserialize<string[]>(text) ?? [], "target_modules"),
            Parse(Fact("use_rslora"), bool.Parse, "use_rslora"))
        {
            RankPattern = Parse(Fact("rank_pattern"), text => JsonSerializer.Deserialize<Dictionary<string, int>>(text) ?? [], "rank_pattern"),
            AlphaPattern = Parse(Fact("alpha_pattern"), text => JsonSerializer.Deserialize<Dictionary<string, double>>(text) ?? [], "alpha_pattern"),
        };

        void CheckConfig(LoraConfig found, LoraConfig wanted)
        {
            if (found.Rank == wanted.Rank && found.Alpha == wanted.Alpha && found.UseRsLora == wanted.UseRsLora
                && LoraWeights.Resolve(model, found).SequenceEqual(LoraWeights.Resolve(model, wanted)))
            {
                return;
            }

            throw new ModelFormatException($"{path}: the state has rank {found.Rank}, alpha {found.Alpha} on {string.Join(", ", found.TargetModules)}; this adapter has rank {wanted.Rank}, "
                + $"alpha {wanted.Alpha} on {string.Join(", ", wanted.TargetModules)}. These are fixed for an adapter's life: make a new adapter for other values.");
        }

        Tensor Read(string name, long rows, long columns)
        {
            if (!unread.Remove(name)) throw new ModelFormatException($"{path}: tensor {name} is missing. The file is damaged, or belongs to other target modules.");
            if (!file.Shape(name).SequenceEqual([rows, columns]))
            {
                throw new ModelFormatException($"{path}: tensor {name} has shape [{string.Join(", ", file.Shape(name))}]; [{rows}, {columns}] is needed. The state has another rank or another base.");
            }

            var tensor = file.Read(name);
            if (tensor.dtype != Precision.Master) throw new ModelFormatException($"{path}: tensor {name} is {tensor.dtype}; a training state is float32.");
            return tensor.to(device);
        }
    }
}
