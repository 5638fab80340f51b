using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Models;

namespace ContinualService.Api.Serving;

/// <summary>A base model in memory and the engine that runs it.</summary>
internal sealed class HostedModel(BaseModel model, BatchEngine engine) : IDisposable
{
    public BaseModel Model { get; } = model;

    public BatchEngine Engine { get; } = engine;

    public void Dispose()
    {
        Engine.Dispose();
        Model.Dispose();
    }
}
