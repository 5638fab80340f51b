using System.Text.Json.Nodes;
using ContinualService.Api.Serving;
using ContinualService.Engine.Inference;

namespace ContinualService.Api.OpenAi;

/// <summary>How a route writes its answers: the chat and the text route differ in this alone.</summary>
internal interface IAnswerShape
{
    string ChunkObject { get; }

    /// <summary>The option that holds the prompt.</summary>
    string PromptField { get; }

    /// <summary>The option that says how many alternatives are reported.</summary>
    string AlternativesOption { get; }

    /// <summary>The fields around the choices.</summary>
    JsonObject Head(long created, ServedModel served);

    /// <summary>A whole choice.</summary>
    JsonObject Choice(int index, string text, string finishReason, IEnumerable<ScoredToken>? tokens);

    /// <summary>The chunk that opens a streamed choice; null when there is none.</summary>
    JsonObject? Opening(int index);

    /// <summary>A chunk of text; those of a choice are asked for in order.</summary>
    JsonObject Delta(int index, string text, IEnumerable<ScoredToken>? tokens);

    /// <summary>The chunk that ends a streamed choice.</summary>
    JsonObject Ending(int index, string finishReason);
}
