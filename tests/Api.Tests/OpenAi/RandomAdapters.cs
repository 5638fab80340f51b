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

    /// <summary>
    /// Log-probabilities under W0 + sum_i c_i s B_i A_i, computed with dense weights: of the sequence's tokens but the first, and of as many more as are most probable, one by one.
    /// </summary>
    public (List<double> Sequence, List<double> Next) ScoreMixed(IReadOnlyList<string> folders, IReadOnlyList<double> weights, int[] sequence, int more)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var dense = _model.Decoder.Weights.ToDictionary(weight => weight.Key, weight => weight.Value.to(torch.float64));
        foreach (var (folder, weight) in folders.Zip(weights))
        {
            using var lora = PeftAdapter.Load(folder, _model.Decoder).Weights;
            foreach (var pair in lora.Pairs) dense[pair.Site.Path + ".weight"] += weight * pair.Scale * pair.B.to(torch.float64).mm(pair.A.to(torch.float64));
        }

        using var decoder = new Decoder(_model.Config, dense.ToDictionary(weight => weight.Key, weight => weight.Value.to(torch.float32)));
        List<double> scores = [];
        List<int> ids = [.. sequence];
        for (var made = 0; made <= more; made++)
        {
            var logs = torch.nn.functional.log_softmax(decoder.Logits(decoder.Hidden(torch.tensor(ids.Select(id => (long)id).ToArray()).view(1, -1)))[0].to(torch.float64), 1); // [T, V]
            if (made == 0) scores.AddRange(Enumerable.Range(1, ids.Count - 1).Select(at => logs[at - 1, ids[at]].item<double>()));
            if (made == more) break;
            ids.Add((int)logs[ids.Count - 1].argmax().item<long>());
            scores.Add(logs[ids.Count - 2, ids[^1]].item<double>());
        }

        return (scores[..(sequence.Length - 1)], scores[(sequence.Length - 1)..]);
    }

    public void Dispose()
    {
        _model.Dispose();
        _root.Delete(recursive: true);
    }
}
