using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

public sealed class SafetensorsFile : IDisposable
{
    public static SafetensorsFile Open(string path) => throw new NotImplementedException();
    public IReadOnlyList<string> Names => throw new NotImplementedException();
    public IReadOnlyDictionary<string, string> Metadata => throw new NotImplementedException();
    /// <summary>A tensor of its own (CPU, the file's dtype), owned by the caller.</summary>
    public Tensor Read(string name) => throw new NotImplementedException();
    public long[] Shape(string name) => throw new NotImplementedException();
    public void Dispose() { }
}
