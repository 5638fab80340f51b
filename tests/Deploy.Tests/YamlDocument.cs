using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace ContinualService.Deploy.Tests;

/// <summary>YAML as the JSON it stands for, anchors and merges resolved; every scalar is a string, which is what these files' readers see too.</summary>
internal static class YamlDocument
{
    /// <exception cref="YamlException">It is not YAML, or a key occurs twice.</exception>
    public static JsonNode Parse(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return Convert(stream.Documents.Single().RootNode)!;
    }

    private static JsonNode? Convert(YamlNode node) => node switch
    {
        YamlScalarNode { Value: "" or "null", Style: ScalarStyle.Plain } => null,
        YamlScalarNode scalar => JsonValue.Create(scalar.Value),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Select(Convert)]),
        YamlMappingNode mapping => Merged(mapping),
        _ => throw new NotSupportedException($"YAML of the kind {node.NodeType} is not used here."),
    };

    // The key << takes over what the mapping itself does not set.
    private static JsonObject Merged(YamlMappingNode mapping)
    {
        var result = new JsonObject(mapping.Where(pair => !IsMerge(pair.Key)).Select(pair => KeyValuePair.Create(((YamlScalarNode)pair.Key).Value!, Convert(pair.Value))));
        foreach (var (_, inherited) in mapping.Where(pair => IsMerge(pair.Key)))
            foreach (var (key, value) in Merged((YamlMappingNode)inherited).ToList())
                if (!result.ContainsKey(key))
                    result[key] = value?.DeepClone();
        return result;
    }

    private static bool IsMerge(YamlNode key) => key is YamlScalarNode { Value: "<<" };
}
