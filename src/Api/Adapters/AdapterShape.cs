using System.Text.Json;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Lora;

namespace ContinualService.Api.Adapters;

/// <summary>An adapter's row in the engine's terms.</summary>
internal static class AdapterShape
{
    public static LoraConfig LoraConfig(this Adapter adapter) => new(adapter.Rank, adapter.Alpha, JsonSerializer.Deserialize<string[]>(adapter.TargetModulesJson) ?? []);
}
