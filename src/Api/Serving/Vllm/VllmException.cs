namespace ContinualService.Api.Serving.Vllm;

/// <summary>A server of the fleet did not do what it was asked.</summary>
/// <param name="message">For the log.</param>
/// <param name="wasSent">False: no connection came about, so that another server may be asked the same.</param>
/// <param name="inner">What happened below.</param>
internal sealed class VllmException(string message, bool wasSent = true, Exception? inner = null) : Exception(message, inner)
{
    public bool WasSent { get; } = wasSent;

    /// <summary>The status of an answer that refuses; null: there was no answer, or what was wrong was another thing.</summary>
    public int? Status { get; init; }

    /// <summary>Whether it refuses what it was asked, and may well do the next thing.</summary>
    public bool IsRefusal => Status is not (null or StatusCodes.Status503ServiceUnavailable);
}
