using System.Globalization;

namespace ContinualService.Bench.Serving;

/// <summary>What one round measured: tokens a second, and times to the first token.</summary>
internal sealed record ServingRound(double Alone, double PeerAlone, double Together, double PeerTogether, TimeSpan Uncached, TimeSpan Cached)
{
    public double AloneRatio => Alone / PeerAlone;

    public double TogetherRatio => Together / PeerTogether;

    public double CachedRatio => Cached / Uncached;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"alone {Alone:F1} against {PeerAlone:F1} tokens/s, together {Together:F1} against {PeerTogether:F1}, first token {Uncached.TotalMilliseconds:F0} ms, cached {Cached.TotalMilliseconds:F1} ms");
}
