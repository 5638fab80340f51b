using System.Text.Json.Nodes;

namespace ContinualService.Engine.Text;

/// <summary>The variables a chat template is rendered with.</summary>
public sealed record ChatRenderRequest
{
    /// <summary>The conversation: objects with <c>role</c>, <c>content</c> and whatever else the template reads.</summary>
    public required JsonArray Messages { get; init; }

    /// <summary>Tool definitions; null: the template sees <c>none</c>.</summary>
    public JsonArray? Tools { get; init; }

    /// <summary>Whether the text ends with the opening of the assistant's turn.</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>Text of the token that begins a sequence; null: undefined in the template.</summary>
    public string? BosToken { get; init; }

    /// <summary>Text of the token that ends a turn; null: undefined in the template.</summary>
    public string? EosToken { get; init; }

    /// <summary>What <c>strftime_now</c> prints.</summary>
    public DateTimeOffset Now { get; init; } = DateTimeOffset.UnixEpoch;

    /// <summary>Further variables by name, e.g. <c>enable_thinking</c> or <c>documents</c>.</summary>
    public JsonObject? Variables { get; init; }
}
