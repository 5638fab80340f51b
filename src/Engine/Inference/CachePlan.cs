using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Inference;

/// <summary>Where the tokens of one cached call stand.</summary>
/// <param name="Start">Position of the first new token where all rows agree; the smallest otherwise.</param>
/// <param name="Length">T, new tokens per row.</param>
/// <param name="End">One past the last position of any row: S, the keys that are looked at.</param>
/// <param name="Positions">int64 [B, T] where rows differ, null where they agree.</param>
internal sealed record CachePlan(int Start, int Length, int End, Tensor? Positions)
{
    private readonly Dictionary<int, Tensor?> _masks = [];

    /// <summary>Builds the masks of these windows in the scope of the whole call: the layers share them, and each layer disposes its own scope.</summary>
    public void Prepare(IEnumerable<int?> windows, Device device)
    {
        foreach (var reach in windows.Select(Reach).Distinct()) _masks[reach] = Build(reach, device);
    }

    /// <summary>Which keys each new token sees: its own and earlier ones within the window. Bool [B or 1, 1, T, S]; null where a plain (causal) product is right.</summary>
    public Tensor? Mask(int? window) => _masks[Reach(window)];

    private int Reach(int? window) => window is { } tokens && tokens < End ? tokens : int.MaxValue;

    private Tensor? Build(int reach, Device device)
    {
        using var scope = NewDisposeScope();
        if (Positions is null && reach == int.MaxValue && (Length == 1 || Start == 0)) return null;
        var positions = Positions ?? arange(Start, Start + Length, device: device).unsqueeze(0); // [B or 1, T]
        var distance = positions.unsqueeze(1).unsqueeze(-1).sub(arange(End, device: device)); // [B or 1, 1, T, S]
        var seen = distance.ge(0);
        return (reach == int.MaxValue ? seen : seen.logical_and(distance.lt(reach))).MoveToOuterDisposeScope();
    }
}
