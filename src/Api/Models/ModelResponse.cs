namespace ContinualService.Api.Models;

/// <summary>A base model on offer.</summary>
/// <param name="Name">What <c>POST /adapters</c> takes as <c>model</c>.</param>
/// <param name="IsDefault">Whether it is used where a request names none.</param>
/// <param name="Usable">False where its files cannot be used; <c>reason</c> says why.</param>
/// <param name="Reason">Why it is not usable; null where it is.</param>
/// <param name="Family">Architecture: llama, mistral, qwen2, qwen3.</param>
/// <param name="ContextLength">Longest sequence in tokens.</param>
/// <param name="VocabularySize">Tokens.</param>
/// <param name="HiddenSize">Width.</param>
/// <param name="Layers">Decoder blocks.</param>
/// <param name="HasChatTemplate">Whether conversations can be trained and served.</param>
/// <param name="TargetModules">Names of its linear layers, for <c>targetModules</c>.</param>
public sealed record ModelResponse(
    string Name,
    bool IsDefault,
    bool Usable,
    string? Reason,
    string? Family,
    int? ContextLength,
    int? VocabularySize,
    int? HiddenSize,
    int? Layers,
    bool? HasChatTemplate,
    IReadOnlyList<string>? TargetModules);
