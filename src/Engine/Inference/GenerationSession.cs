using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>
/// Generates one sequence token by token with a key/value cache. Not thread-safe, but free to move between threads from call to call:
/// no dispose scope outlives a call. The base and the adapter stay the caller's.
/// </summary>
public sealed class GenerationSession : IDisposable
{
    // Prompt positions that go through the head at once when a prompt is scored: bounds the memory to this many rows of logits.
    private const int ScoredRows = 64;

    private readonly Decoder _decoder;
    private readonly LoraWeights? _lora;
    private readonly KeyValueCache _cache;
    private readonly Sampler _sampler;
    private readonly float[] _logits; // [V], of the last position

    /// <param name="prompt">At least one token.</param>
    /// <param name="maxNewTokens">Room kept in the cache; the prompt and these together must fit the model's context.</param>
    public GenerationSession(Decoder decoder, LoraWeights? lora, int[] prompt, int maxNewTokens, SamplingOptions options, bool scorePrompt = false)
    {
        ArgumentOutOfRangeException.ThrowIfZero(prompt.Length);
        _decoder = decoder;
        _lora = lora;
        _logits = new float[decoder.Config.VocabularySize];
        _sampler = new Sampler(options, _logits.Length);
        _cache = new KeyValueCache(decoder, 1, prompt.Length + maxNewTokens);
        PromptTokens = Prefill(prompt, scorePrompt ? options.TopLogProbabilities : null);
    }

    /// <summary>The prompt's tokens with their log-probabilities; empty unless the prompt was to be scored.</summary>
    public IReadOnlyList<ScoredToken> PromptTokens { get; }

    /// <summary>Chooses the next token. Call <see cref="Accept"/> with it before the next call.</summary>
    public ScoredToken Next() => _sampler.Next(_logits);

    /// <summary>Appends <paramref name="id"/> to the sequence.</summary>
    public void Accept(int id)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        ReadLastLogits(_decoder.HiddenCached(Ids([id]), _cache, _lora)); // [1, 1, D]
    }

    public void Dispose() => _cache.Dispose();

    private List<ScoredToken> Prefill(int[] prompt, int? top)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var hidden = _decoder.HiddenCached(Ids(prompt), _cache, _lora); // [1, T, D]
        var scored = new List<ScoredToken>();
        if (top is { } alternatives)
        {
            scored.Add(new ScoredToken(prompt[0], double.NaN, []));
            for (var start = 0; start < prompt.Length - 1; start += ScoredRows)
            {
                using var rows = NewDisposeScope();
                var count = Math.Min(ScoredRows, prompt.Length - 1 - start);
                var logits = _decoder.Logits(hidden.narrow(1, start, count)).cpu().contiguous(); // [1, count, V]
                var values = logits.data<float>().ToArray();
                for (var row = 0; row < count; row++)
                    scored.Add(Sampler.Score(values.AsSpan(row * _logits.Length, _logits.Length), prompt[start + row + 1], alternatives));
            }
        }

        ReadLastLogits(hidden);
        return scored;
    }

    private void ReadLastLogits(Tensor hidden)
    {
        var last = hidden.narrow(1, hidden.shape[1] - 1, 1); // [1, 1, D]
        _decoder.Logits(last).cpu().contiguous().data<float>().CopyTo(_logits, 0); // [V]
    }

    private Tensor Ids(int[] ids) => tensor(Array.ConvertAll(ids, id => (long)id), device: _decoder.Device).unsqueeze(0); // [1, T]
}
