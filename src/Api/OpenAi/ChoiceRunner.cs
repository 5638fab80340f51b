using System.Text;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text;

namespace ContinualService.Api.OpenAi;

/// <summary>
/// Generates one answer piece by piece. Held back until they are settled: incomplete UTF-8, and text that may yet become a stop sequence.
/// </summary>
internal sealed class ChoiceRunner(BaseModel model, LoraWeights? lora, int[] prompt, int maxNewTokens, GenerationRequest request, int index)
{
    private bool _cut; // at a stop sequence

    /// <summary>"stop" (end of turn or a stop sequence) or "length"; set once <see cref="Run"/> has ended.</summary>
    public string FinishReason { get; private set; } = "length";

    /// <summary>Tokens generated so far, the ending one included.</summary>
    public int CompletionTokens { get; private set; }

    /// <summary>The scored prompt; empty unless asked for.</summary>
    public IReadOnlyList<ScoredToken> PromptTokens { get; private set; } = [];

    public IEnumerable<ChoicePiece> Run(bool scorePrompt, CancellationToken cancellationToken)
    {
        // Choices of one request differ by their seed alone.
        var sampling = request.Sampling with { Seed = request.Sampling.Seed ^ (index * 0x2545F49) };
        using var session = new GenerationSession(model.Decoder, lora, prompt, maxNewTokens, sampling, scorePrompt);
        PromptTokens = session.PromptTokens;
        var stream = new TextStream(model.Tokenizer);
        var held = new StringBuilder();
        var heldTokens = new List<ScoredToken>();
        for (var count = 0; count < maxNewTokens; count++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var token = session.Next();
            CompletionTokens++;
            if (model.Config.EosTokenIds.Contains(token.Id))
            {
                FinishReason = "stop";
                break;
            }

            heldTokens.Add(token);
            if (!model.Tokenizer.IsSpecial(token.Id)) held.Append(stream.Append(token.Id));
            if (CutAtStop(held)) break;
            var settled = held.Length - OpenStopLength(held);
            if (settled > 0)
            {
                yield return Take(held, settled, heldTokens);
            }

            if (count + 1 < maxNewTokens) session.Accept(token.Id);
        }

        if (!_cut)
        {
            held.Append(stream.Flush());
            CutAtStop(held);
        }

        if (held.Length > 0 || heldTokens.Count > 0) yield return Take(held, held.Length, heldTokens);
    }

    private bool CutAtStop(StringBuilder held)
    {
        if (request.Stop.Count == 0) return false;
        var text = held.ToString();
        var first = request.Stop.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        if (first < 0) return false;
        held.Length = first;
        FinishReason = "stop";
        return _cut = true;
    }

    /// <summary>Length of the longest end of <paramref name="held"/> that begins a stop sequence.</summary>
    private int OpenStopLength(StringBuilder held)
    {
        if (request.Stop.Count == 0) return 0;
        var text = held.ToString();
        var longest = 0;
        foreach (var stop in request.Stop)
        {
            for (var length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (!text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length))) continue;
                longest = length;
                break;
            }
        }

        return longest;
    }

    private static ChoicePiece Take(StringBuilder held, int length, List<ScoredToken> tokens)
    {
        var piece = new ChoicePiece(held.ToString(0, length), [.. tokens]);
        held.Remove(0, length);
        tokens.Clear();
        return piece;
    }
}
