using System.Text.Json;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;

namespace ContinualService.Api.Adapters;

/// <summary>An adapter's row in the engine's terms.</summary>
internal static class AdapterShape
{
    /// <summary>The method with the adapter's options.</summary>
    public static IContinualMethod ContinualMethod(this Adapter adapter) => ContinualMethods.ByName(adapter.Method, adapter.MethodOptionsJson);

    /// <summary>The shape of a version's weights: the adapter's own, or a larger rank where the method serves the tasks' pairs side by side.</summary>
    public static LoraConfig ServedShape(this Adapter adapter, AdapterVersion version) => adapter.ContinualMethod().ServedConfig(
        new LoraConfig(adapter.Rank, adapter.Alpha, JsonSerializer.Deserialize<string[]>(adapter.TargetModulesJson) ?? []), version.TaskIndex);
}
