using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

public sealed class Decoder : IDisposable
{
    public Decoder(ModelConfig config, IReadOnlyDictionary<string, Tensor> weights)
    {
        Config = config;
        Weights = weights;
        Linears = [];
        Device = CPU;
    }

    public ModelConfig Config { get; }
    public IReadOnlyDictionary<string, Tensor> Weights { get; }
    public IReadOnlyList<LinearSite> Linears { get; }
    public Device Device { get; }
    public static Decoder Load(string folder, ModelConfig config, Device device, ScalarType dtype) => throw new NotImplementedException();
    public static Dictionary<string, Tensor> CreateWeights(ModelConfig config, Generator generator) => throw new NotImplementedException();
    public Tensor Hidden(Tensor ids, LoraWeights? lora = null, LoraDropout? dropout = null) => throw new NotImplementedException();
    public Tensor HiddenCached(Tensor ids, KeyValueCache cache, LoraWeights? lora = null) => throw new NotImplementedException();
    public Tensor Logits(Tensor hidden) => throw new NotImplementedException();
    public void Dispose() { }
}
