using System.Text.Json;
using System.Text.Json.Serialization;
using ContinualService.Domain.Tasks;

namespace ContinualService.Api.Tasks;

/// <summary>Hyperparameters as they are stored and shown.</summary>
internal static class HyperparametersJson
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    public static string ToJson(this Hyperparameters hyperparameters) => JsonSerializer.Serialize(hyperparameters, Options);

    public static Hyperparameters Parse(string json) => JsonSerializer.Deserialize<Hyperparameters>(json, Options)!;
}
