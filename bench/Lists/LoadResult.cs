namespace ContinualService.Bench.Lists;

/// <summary>What one route under one load came to.</summary>
/// <param name="Latencies">Of the answers that were as they should be.</param>
/// <param name="Errors">Requests without an answer, or with another status than 200.</param>
/// <param name="Seconds">From the first request to the last answer.</param>
/// <param name="Bytes">Of all bodies.</param>
/// <param name="ServiceSeconds">Processor time that the service took meanwhile.</param>
/// <param name="DatabaseSeconds">Processor time that PostgreSQL took meanwhile.</param>
public sealed record LoadResult(Latencies Latencies, int Errors, double Seconds, long Bytes, double ServiceSeconds, double DatabaseSeconds)
{
    /// <summary>Answers a second.</summary>
    public double Rate => Latencies.Count / Seconds;

    /// <summary>The service's processor time per answer, in milliseconds.</summary>
    public double ServiceMilliseconds => ServiceSeconds * 1000 / Latencies.Count;

    /// <summary>PostgreSQL's processor time per answer, in milliseconds.</summary>
    public double DatabaseMilliseconds => DatabaseSeconds * 1000 / Latencies.Count;
}
