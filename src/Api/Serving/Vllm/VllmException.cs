namespace ContinualService.Api.Serving.Vllm;

/// <summary>A server of the fleet did not do what it was asked.</summary>
/// <param name="message">For the log.</param>
/// <param name="wasSent">False: no connection came about, so that another server may be asked the same.</param>
/// <param name="inner">What happened below.</param>
internal sealed class VllmException(string message, bool wasSent = true, Exception? inner = null) : Exception(message, inner)
{
    public bool WasSent { get; } = wasSent;

    /// <summary>The answer's status; null: there was none.</summary>
    public int? Status { get; init; }
}
