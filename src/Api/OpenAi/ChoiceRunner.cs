using System.Text;
using System.Threading.Channels;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text;

namespace ContinualService.Api.OpenAi;

/// <summary>
/// Turns the tokens of one answer into text, piece by piece. Held back until they are settled: incomplete UTF-8, and text that may yet become a stop sequence.
/// The engine's thread feeds it; who reads the pieces has the last word on the totals only after the piece that ends it.
/// </summary>
internal sealed class ChoiceRunner(TextAssets model, GenerationRequest request, int index, ChannelWriter<ChoicePiece> pieces)
{
    private readonly TextStream _stream = new(model.Tokenizer);
    private readonly StringBuilder _held = new();
    private readonly List<ScoredToken> _heldTokens = [];
    private bool _cut; // at a stop sequence

    /// <summary>"stop" (end of turn or a stop sequence) or "length".</summary>
    public string FinishReason { get; private set; } = "length";

    /// <summary>Tokens generated so far, the ending one included.</summary>
    public int CompletionTokens { get; private set; }

    /// <summary>Tokens of the prompt that came from the prefix cache.</summary>
    public int CachedTokens { get; set; }

    /// <summary>The scored prompt; empty unless asked for.</summary>
    public IReadOnlyList<ScoredToken> PromptTokens { get; set; } = [];

    /// <summary>Makes the answer the continuation of a text. Without it, it is a text of its own, as a message is.</summary>
    public void Follow(ReadOnlySpan<int> prompt) => _stream.Follow(prompt);

    /// <summary>Takes the next token.</summary>
    /// <returns>Whether the answer goes on.</returns>
    public bool Accept(ScoredToken token)
    {
        CompletionTokens++;
        if (model.Config.EosTokenIds.Contains(token.Id))
        {
            FinishReason = "stop";
            return false;
        }

        if (request.LogProbabilities is not null) _heldTokens.Add(token);
        if (!model.Tokenizer.IsSpecial(token.Id)) _held.Append(_stream.Append(token.Id));
        if (CutAtStop()) return false;
        var settled = _held.Length - OpenStopLength();
        if (settled > 0) Send(settled, isLast: false);
        return true;
    }

    /// <summary>Sends what is left.</summary>
    public void End()
    {
        if (!_cut)
        {
            _held.Append(_stream.Flush());
            CutAtStop();
        }

        Send(_held.Length, isLast: true);
    }

    private bool CutAtStop()
    {
        if (request.Stop.Count == 0) return false;
        var text = _held.ToString();
        var first = request.Stop.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        if (first < 0) return false;
        _held.Length = first;
        FinishReason = "stop";
        return _cut = true;
    }

    /// <summary>Length of the longest end of the held text that begins a stop sequence.</summary>
    private int OpenStopLength()
    {
        if (request.Stop.Count == 0) return 0;
        var text = _held.ToString();
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

    private void Send(int length, bool isLast)
    {
        pieces.TryWrite(new ChoicePiece(index, _held.ToString(0, length), [.. _heldTokens], isLast));
        _held.Remove(0, length);
        _heldTokens.Clear();
    }
}
