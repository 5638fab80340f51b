using System.Text.Json.Nodes;

namespace ContinualService.Api.Adapters;

/// <summary>A LoRA made elsewhere, or exported from here, that becomes an adapter's first version. The files come beside it, as multipart parts.</summary>
public sealed class ImportAdapterRequest
{
    /// <summary>Unique among your adapters: letters, digits, dot, dash, underscore; at most 64.</summary>
    public string? Name { get; init; }

    /// <summary>The base model of <c>GET /models</c> that the LoRA was trained on; absent: the service's default model.</summary>
    public string? Model { get; init; }

    /// <summary>As in <c>POST /adapters</c>; absent: what slao.json in the zip says, else slao.</summary>
    public string? Method { get; init; }

    /// <summary>Options of <c>method</c>, which must then be there too.</summary>
    public JsonObject? MethodOptions { get; init; }

    /// <summary>How many tasks the LoRA has learned, 1 to 1,000,000: the next task's weight in the merge follows from it. Absent: what slao.json says, else 1.</summary>
    public string? TasksLearned { get; init; }

    /// <summary>true: the LoRA's base is this model although adapter_config.json gives it another name or a revision.</summary>
    public string? SameBase { get; init; }
}
