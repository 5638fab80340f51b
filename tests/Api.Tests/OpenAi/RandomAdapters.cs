using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.TestKit;
using TorchSharp;

namespace ContinualService.Api.Tests.OpenAi;

/// <summary>Adapters of random weights for one conformance model, and what each of them gives alone: whole sequences without cache, batch or server.</summary>
internal sealed class RandomAdapters : IDisposable
{
    public const double Tolerance = 1e-4;

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("adapters-");
    private readonly BaseModel _model;

    public RandomAdapters(string model)
    {
        ModelName = model;
        _model = BaseModel.Load(Shared.Folder($"conformance/models/{model}"), torch.CPU, torch.ScalarType.Float32);
    }

    public string ModelName { get; }

    /// <summary>Writes a PEFT folder. Same seed, same bytes.</summary>
    public string Write(LoraConfig config, int seed)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        using var generator = new torch.Generator((ulong)seed, torch.CPU);
        using var lora = LoraWeights.CreateFresh(_model.Decoder, config, generator);
        foreach (var pair in lora.Pairs) pair.B.add_(torch.randn(pair.B.shape, generator: generator).mul_(0.2));
        var folder = Path.Combine(_root.FullName, $"{seed}");
        PeftAdapter.Save(folder, config, lora, ModelName);
        return folder;
    }

    /// <summary>Log-probabilities of each sequence's tokens under the adapter of a folder.</summary>
    public float[][] Score(string folder, IReadOnlyList<int[]> sequences)
    {
        var (_, lora) = PeftAdapter.Load(folder, _model.Decoder);
        using (lora) return SequenceScorer.LogProbabilities(_model.Decoder, lora, sequences);
    }

    public void Dispose()
    {
        _model.Dispose();
        _root.Delete(recursive: true);
    }
}
