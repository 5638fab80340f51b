using ContinualService.Api.OpenAi;
using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Models;

namespace ContinualService.Api.Serving;

/// <summary>A base model, alone or with one version, that a backend holds ready for one request until it is disposed.</summary>
internal interface IServedWeights : IDisposable
{
    /// <summary>Tokenizer, template and configuration of the base.</summary>
    TextAssets Text { get; }

    /// <summary>Longest prompt and answer together.</summary>
    int MaxTokens { get; }

    /// <summary>Most alternatives that are reported with a token.</summary>
    int MaxAlternatives { get; }

    /// <summary>For <see cref="SequenceRequest.Adapter"/>; null for a base model, and where the weights are not in this process.</summary>
    BatchAdapter? Adapter { get; }

    /// <summary>Puts a sequence in line. What fails later is told to its <see cref="SequenceRequest.OnEnd"/>, which is not called when this throws.</summary>
    /// <exception cref="OpenAiException">It cannot be taken.</exception>
    Task SubmitAsync(SequenceRequest request);
}
