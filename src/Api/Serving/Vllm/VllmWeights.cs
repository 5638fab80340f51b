using System.Diagnostics.CodeAnalysis;
using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;
using ContinualService.Api.OpenAi;
using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Storage;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>A base, alone or with a version, on the fleet. Each sequence chooses its server when it starts.</summary>
internal sealed class VllmWeights(string model, TextAssets text, ServedVersion? version, VllmFleet fleet, string owner, VllmOptions options, ILogger logger) : IServedWeights
{
    // A server that has forgotten an adapter again after it was loaded for this very request is broken.
    private const int MostLosses = 2;

    public TextAssets Text => text;

    public int MaxTokens => Math.Min(text.Config.MaxPositions, fleet.MaxTokens(model) ?? int.MaxValue);

    public int MaxAlternatives => options.MaxLogProbabilities;

    public BatchAdapter? Adapter => null;

    public async Task SubmitAsync(SequenceRequest request)
    {
        fleet.Enter(request.Owner);
        try
        {
            if (request.OnPromptScored is { } scored) scored(await ScoreAsync(request));
            if (request.MaxNewTokens == 0)
            {
                fleet.Leave(request.Owner);
                request.OnEnd(null);
                return;
            }

            var limit = CancellationTokenSource.CreateLinkedTokenSource(request.Cancellation);
            try
            {
                var (lease, response) = await SendAsync(VllmBody.Generate(request, text.Config.EosTokenIds, owner), limit, request.Cancellation);
                // From here on the request is taken, and its end is told to it alone.
                _ = PumpAsync(request, lease, response, limit);
            }
            catch
            {
                limit.Dispose();
                throw;
            }
        }
        catch (ObjectDamagedException error)
        {
            fleet.Leave(request.Owner);
            throw OpenAiException.Damaged(version!.Adapter.Name, error);
        }
        catch
        {
            fleet.Leave(request.Owner);
            throw;
        }
    }

    public void Dispose()
    {
        // Each sequence holds its own lease.
    }

    private async Task<IReadOnlyList<Engine.Inference.ScoredToken>> ScoreAsync(SequenceRequest request)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(request.Cancellation);
        var (lease, response) = await SendAsync(VllmBody.Score(request, owner), limit, request.Cancellation);
        using (lease)
        using (response)
        {
            try
            {
                return new VllmSequence(request, lease.Name, text.Config.EosTokenIds).ScoredPrompt(VllmAnswer.Parse(await VllmClient.ReadAsync(response, limit.Token)));
            }
            catch (Exception error) when (Refusal(error, lease, request.Cancellation) is { } refusal)
            {
                throw refusal;
            }
        }
    }

    /// <summary>Finds a server and sends it the request. Another one is tried only as long as nothing was sent, or where the server has merely forgotten the adapter.</summary>
    private async Task<(VllmLease Lease, HttpResponseMessage Response)> SendAsync(JsonObject body, CancellationTokenSource limit, CancellationToken cancellationToken)
    {
        var leftOut = new HashSet<VllmServer>();
        for (var losses = 0; ;)
        {
            limit.CancelAfter(Timeout.InfiniteTimeSpan); // loading has a limit of its own
            var lease = await fleet.HoldAsync(model, version, leftOut, cancellationToken);
            try
            {
                body["model"] = lease.Name;
                limit.CancelAfter(TimeSpan.FromSeconds(options.AnswerSeconds));
                return (lease, await lease.Server.Client.CompleteAsync(body, limit.Token));
            }
            catch (VllmException error) when (!error.WasSent)
            {
                lease.Server.Failed(error, isAway: true);
                leftOut.Add(lease.Server);
                lease.Dispose();
            }
            catch (VllmException error) when (error.Status == StatusCodes.Status404NotFound && lease.IsOfAdapter && losses++ < MostLosses)
            {
                lease.Lost();
                lease.Dispose();
            }
            catch (Exception error)
            {
                lease.Dispose();
                if (Refusal(error, lease, cancellationToken) is { } refusal) throw refusal;
                throw;
            }
        }
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "Whatever ends the stream is told to its receiver, which waits for it.")]
    private async Task PumpAsync(SequenceRequest request, VllmLease lease, HttpResponseMessage response, CancellationTokenSource limit)
    {
        Exception? end = null;
        try
        {
            using (limit)
            using (lease)
            using (response)
                await ReadAsync(new VllmSequence(request, lease.Name, text.Config.EosTokenIds), response, limit);
        }
        catch (Exception error)
        {
            end = Refusal(error, lease, request.Cancellation) ?? error;
        }

        fleet.Leave(request.Owner);
        request.OnEnd(end);
    }

    private async Task ReadAsync(VllmSequence sequence, HttpResponseMessage response, CancellationTokenSource limit)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(limit.Token);
        await foreach (var item in SseParser.Create(stream).EnumerateAsync(limit.Token))
        {
            limit.CancelAfter(TimeSpan.FromSeconds(options.AnswerSeconds));
            if (item.Data == "[DONE]") break;
            // Closing the connection ends the generation there.
            if (!sequence.Take(VllmAnswer.Parse(item.Data))) return;
        }

        sequence.End();
    }

    /// <summary>What the client is told of a failure after its request was sent: it is not repeated, since part of an answer may have been shown. Null: the failure is none of a server.</summary>
    private OpenAiException? Refusal(Exception error, VllmLease lease, CancellationToken cancellationToken)
    {
        if (error is OperationCanceledException && cancellationToken.IsCancellationRequested) return null; // the client has gone
        var fault = error switch
        {
            VllmException own => own,
            OperationCanceledException => new VllmException(FormattableString.Invariant($"It gave no sign of life for {options.AnswerSeconds} seconds."), inner: error),
            IOException or HttpRequestException => new VllmException($"Its answer broke off: {error.Message}", inner: error),
            _ => null,
        };
        if (fault is null) return null;
        logger.AnswerRefused(lease.Server.Address, lease.Name, fault.Message);
        lease.Server.Failed(fault, isAway: false);
        return fault.Status switch
        {
            StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable => OpenAiException.Overloaded("The server has too much to do. Try again after a moment."),
            StatusCodes.Status401Unauthorized or StatusCodes.Status403Forbidden =>
                OpenAiException.BadGateway("The server does not accept this service's key. Ask the operator to set Serving:Vllm:ApiKey.", "fleet_refused"),
            not null => OpenAiException.BadGateway("The server refused the request. Ask the operator: the log says why.", "fleet_refused"),
            null => OpenAiException.BadGateway("The server failed while it answered; what has come of the answer is not whole. Send the request again.", "fleet_failed"),
        };
    }
}
