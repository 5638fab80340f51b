namespace ContinualService.Api.Serving.Vllm;

/// <summary>How a server did when it was last asked. Safe to use from many threads.</summary>
internal sealed class VllmHealth(string address, string model, TimeSpan leftOut, TimeProvider time, ILogger logger)
{
    private readonly Lock _gate = new();
    private long? _failedAt;
    private bool _isAway; // it could not be reached, or says itself that it is ill

    /// <summary>Whether it may be asked: it was not found away a moment ago.</summary>
    public bool IsUp
    {
        get
        {
            lock (_gate) return !_isAway || !FailedLately;
        }
    }

    /// <summary>Whether it failed a moment ago, if only with one answer: others are asked first.</summary>
    public bool IsInDoubt
    {
        get
        {
            lock (_gate) return FailedLately;
        }
    }

    /// <summary>Whether it was away when it was last looked at.</summary>
    public bool IsAway
    {
        get
        {
            lock (_gate) return _isAway;
        }
    }

    private bool FailedLately => _failedAt is { } failed && time.GetElapsedTime(failed) < leftOut;

    public void Failed(VllmException error, bool isAway)
    {
        bool isNew;
        lock (_gate)
        {
            isNew = isAway && !_isAway;
            _isAway |= isAway;
            _failedAt = time.GetTimestamp();
        }

        if (isNew) logger.ServerFailed(address, model, error.Message);
    }

    public void Recovered()
    {
        lock (_gate)
        {
            if (!_isAway) return;
            (_isAway, _failedAt) = (false, null);
        }

        logger.ServerRecovered(address, model);
    }
}
