using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>Where the tokens of one cached call stand: in the cache, and in their sequence.</summary>
/// <param name="Start">Place of the first new token where all rows agree; the smallest otherwise.</param>
/// <param name="Length">T, new tokens per row.</param>
/// <param name="End">One past the last place of any row: S, the keys that are looked at.</param>
/// <param name="Places">int64 [B, T] where rows differ, null where they agree.</param>
/// <param name="Branches">Where the new tokens are several continuations of what the row holds, none of which sees another; null: they are one.</param>
internal sealed record CachePlan(int Start, int Length, int End, Tensor? Places, CachePlan.Branching? Branches = null)
{
    private readonly Dictionary<int, Tensor?> _masks = [];

    /// <summary>Continuations one after another.</summary>
    /// <param name="Starts">int64 [B]: what each row holds.</param>
    /// <param name="Of">int64 [T]: which continuation each new token belongs to.</param>
    /// <param name="Steps">int64 [T]: how many tokens of it come before.</param>
    /// <param name="Longest">Tokens of the longest one.</param>
    internal sealed record Branching(Tensor Starts, Tensor Of, Tensor Steps, int Longest);

    /// <summary>Each token's place in its sequence, int64 [B, T]; null where that is <see cref="Start"/> and what follows.</summary>
    public Tensor? Positions => Branches is null ? Places : Branches.Starts.unsqueeze(1).add(Branches.Steps);

    /// <summary>One past the last position.</summary>
    public int PositionsEnd => Branches is null ? End : End - Length + Branches.Longest;

    /// <summary>Builds the masks of these windows in the scope of the whole call: the layers share them, and each layer disposes its own scope.</summary>
    public void Prepare(IEnumerable<int?> windows, Device device)
    {
        foreach (var reach in windows.Select(Reach).Distinct()) _masks[reach] = Branches is null ? Build(reach, device) : Build(Branches, reach, device);
    }

    /// <summary>Which keys each new token sees: its own and earlier ones within the window. Bool [B or 1, 1, T, S]; null where a plain (causal) product is right.</summary>
    public Tensor? Mask(int? window) => _masks[Reach(window)];

    private int Reach(int? window) => window is { } tokens && tokens < PositionsEnd ? tokens : int.MaxValue;

    private Tensor? Build(int reach, Device device)
    {
        using var scope = NewDisposeScope();
        if (Places is null && reach == int.MaxValue && (Length == 1 || Start == 0)) return null;
        var places = Places ?? arange(Start, Start + Length, device: device).unsqueeze(0); // [B or 1, T]
        return Within(places.unsqueeze(1).unsqueeze(-1).sub(arange(End, device: device)), reach).MoveToOuterDisposeScope(); // [B or 1, 1, T, S]
    }

    private Tensor Build(Branching branches, int reach, Device device)
    {
        using var scope = NewDisposeScope();
        var keys = arange(End, device: device); // [S]
        var after = keys.sub(branches.Starts.unsqueeze(1)).unsqueeze(1); // [B, 1, S]: which of the new tokens a key is; below 0: one that was there
        var (there, isNew) = (after.lt(0), after.ge(0).logical_and(after.lt(Length)));
        var near = Within(Positions!.unsqueeze(-1).sub(keys), reach); // [B, T, S]
        var own = Within(branches.Steps.unsqueeze(1).sub(branches.Steps), reach).logical_and(branches.Of.unsqueeze(1).eq(branches.Of)); // [T, T]
        var (rows, places) = (after.size(0), after.clamp(0, Length - 1));
        var seen = own.unsqueeze(0).expand(rows, Length, Length).gather(2, places.expand(rows, Length, End)); // [B, T, S]
        return there.logical_and(near).logical_or(isNew.logical_and(seen)).unsqueeze(1).MoveToOuterDisposeScope();
    }

    private static Tensor Within(Tensor distance, int reach) => reach == int.MaxValue ? distance.ge(0) : distance.ge(0).logical_and(distance.lt(reach));
}
