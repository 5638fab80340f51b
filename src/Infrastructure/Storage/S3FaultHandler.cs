using System.Net;

namespace ContinualService.Infrastructure.Storage;

/// <summary>
/// Below every request to the S3 server: tries those that the network or the server failed a few times more, limits their time, and turns what
/// remains into <see cref="ObjectStoreUnavailableException"/>. Answers that say something about the object pass.
/// </summary>
/// <param name="inner">Sends.</param>
/// <param name="server">The server's address, for messages.</param>
/// <param name="firstPause">Before the second attempt; doubled before each further one.</param>
/// <param name="failed">Called for every attempt that failed or was refused.</param>
internal sealed class S3FaultHandler(HttpMessageHandler inner, string server, TimeSpan firstPause, Action? failed = null) : DelegatingHandler(inner)
{
    public const int Attempts = 4;
    // Besides the time that a body may take: a slower network than this is as good as none.
    private const double LeastBytesPerSecond = 1 << 20;
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(20);

    /// <summary>Set on a request whose answer's body the caller reads piece by piece; every other body is read here, under the limits.</summary>
    public static readonly HttpRequestOptionsKey<bool> Streams = new("streams");

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (response, fault) = await TryAsync(request, cancellationToken);
            if (response is not null) return response;
            if (attempt == Attempts) throw new ObjectStoreUnavailableException($"The object store at {server} does not answer as it should: {fault!.Message.TrimEnd('.')}. Check that it runs and can be reached.", fault);
            await Task.Delay(firstPause * Math.Pow(2, attempt - 1), cancellationToken);
        }
    }

    private async Task<(HttpResponseMessage? Response, Exception? Fault)> TryAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AnswerLimit + TimeSpan.FromSeconds((request.Content?.Headers.ContentLength ?? 0) / LeastBytesPerSecond));
        HttpResponseMessage? response = null;
        try
        {
            response = await base.SendAsync(request, limit.Token);
            request.Options.TryGetValue(Streams, out var streams);
            if (!streams || !response.IsSuccessStatusCode) await response.Content.LoadIntoBufferAsync(limit.Token);
            if (response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden) throw await RefusalAsync(response);
            if (!IsTransient(response.StatusCode)) return (response, null);
            throw new HttpRequestException($"It answered {(int)response.StatusCode} {await S3Error.CodeAsync(response)}.");
        }
        catch (Exception fault) when (IsFault(fault) && !cancellationToken.IsCancellationRequested)
        {
            failed?.Invoke();
            response?.Dispose();
            return (null, fault is OperationCanceledException ? new TimeoutException("No whole answer came in time.", fault) : fault);
        }
    }

    private static bool IsFault(Exception exception) => exception is HttpRequestException or OperationCanceledException or (IOException and not ObjectStoreUnavailableException);

    private static bool IsTransient(HttpStatusCode status) => status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError;

    // Not tried again: only an operator can mend it.
    private async Task<ObjectStoreUnavailableException> RefusalAsync(HttpResponseMessage response)
    {
        failed?.Invoke();
        var code = await S3Error.CodeAsync(response);
        response.Dispose();
        return new ObjectStoreUnavailableException($"The object store at {server} refused the request ({code}). Check Storage:S3:AccessKey and SecretKey, what they may do, and this machine's clock.");
    }
}
