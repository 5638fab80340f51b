using ContinualService.Engine.Models;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

public sealed class KeyValueCache : IDisposable
{
    public KeyValueCache(Decoder decoder, int batch, int capacity) { }
    public void Dispose() { }
}
