using System.Runtime.InteropServices;
using ContinualService.Engine.Lora;

namespace ContinualService.Engine.Inference.Batching;

/// <summary>A request on its way: in line, in the batch, or back in line because it had to give its memory to others.</summary>
internal sealed class RunningSequence
{
    private readonly List<int> _tokens;
    private readonly int _vocabularySize;
    private Sampler? _sampler;

    public RunningSequence(SequenceRequest request, int vocabularySize, long arrival)
    {
        Request = request;
        Arrival = arrival;
        _tokens = [.. request.Prompt];
        _vocabularySize = vocabularySize;
        if (request.OnPromptScored is not null) PromptScores = [new ScoredToken(request.Prompt[0], double.NaN, [])];
    }

    public SequenceRequest Request { get; }

    /// <summary>Stopwatch ticks when the request came.</summary>
    public long Arrival { get; }

    /// <summary>Made on its first use: a request in line needs none of its memory.</summary>
    public Sampler Sampler => _sampler ??= new Sampler(Request.Sampling, _vocabularySize, Request.WantsLogProbabilities);

    /// <summary>Null in line.</summary>
    public SequenceCache? Cache { get; set; }

    /// <summary>Null in line, and without an adapter.</summary>
    public LoraSlot? Slot { get; set; }

    /// <summary>Whether it has had a place before: what it takes over then may be its own tokens, which nobody saved it.</summary>
    public bool WasAdmitted { get; set; }

    /// <summary>The prompt's scores so far, its first token's included; null where they are not asked for, or have been told.</summary>
    public List<ScoredToken>? PromptScores { get; set; }

    /// <summary>Whether every token of the prompt has to go through the model for its score.</summary>
    public bool ScoresPrompt => PromptScores is not null;

    /// <summary>Prompt and new tokens.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    public int Length => _tokens.Count;

    public int NewTokens => _tokens.Count - Request.Prompt.Length;

    /// <summary>Tokens that have not been through the model: 1 while the sequence generates.</summary>
    public int Pending => _tokens.Count - Cache!.Length;

    public void Append(int id) => _tokens.Add(id);
}
