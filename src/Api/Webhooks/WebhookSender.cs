using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Api.OpenAi.Jobs;
using ContinualService.Domain.Webhooks;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Webhooks;

/// <summary>Sends one delivery once.</summary>
internal sealed class WebhookSender : IDisposable
{
    private readonly HttpClient _client;
    private readonly TimeProvider _time;

    public WebhookSender(IOptions<WebhookOptions> options, TimeProvider time)
    {
        _time = time;
        var handler = new SocketsHttpHandler
        {
            // A redirect or a proxy would lead past the guard.
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ConnectCallback = new AddressGuard(options.Value.AllowPrivateAddresses).ConnectAsync,
            // Every connection is vetted anew before long.
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            MaxConnectionsPerServer = 4,
        };
        _client = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(options.Value.TimeoutSeconds) };
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("ContinualService", null));
    }

    /// <summary>The answer's status, or why there was none. Its body is not read.</summary>
    public async Task<(int? Status, string? Error)> SendAsync(Webhook webhook, WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        var (now, body) = (_time.GetUtcNow(), Body(delivery));
        using var request = new HttpRequestMessage(HttpMethod.Post, webhook.Url) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("webhook-id", delivery.Id);
        request.Headers.Add("webhook-timestamp", now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", WebhookSignature.Of(webhook.SecretsAt(now), delivery.Id, now.ToUnixTimeSeconds(), body));
        try
        {
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            var status = (int)response.StatusCode;
            return response.IsSuccessStatusCode ? (status, null) : (status, $"The receiver answered {status}; it must answer 200 to 299.");
        }
        catch (HttpRequestException fault) // no connection, or one that the guard refused
        {
            return (null, fault.InnerException is HttpRequestException refused ? refused.Message : fault.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested) // the client's own limit
        {
            return (null, $"The receiver did not answer within {_client.Timeout.TotalSeconds} s.");
        }
    }

    public void Dispose() => _client.Dispose();

    /// <summary>The same bytes at every attempt.</summary>
    private static string Body(WebhookDelivery delivery)
    {
        var data = new JsonObject { ["id"] = JobIds.OfTask(delivery.TaskId), ["x_task_id"] = delivery.TaskId };
        if (WebhookTypes.IsOfVersion(delivery.Type))
        {
            foreach (var (name, value) in (JsonObject)JsonNode.Parse(delivery.DataJson)!) data[$"x_{JsonNamingPolicy.SnakeCaseLower.ConvertName(name)}"] = value?.DeepClone();
        }

        return new JsonObject
        {
            ["id"] = delivery.Id,
            ["object"] = "event",
            ["type"] = delivery.Type,
            ["created_at"] = delivery.CreatedAt.ToUnixTimeSeconds(),
            ["data"] = data,
        }.ToJsonString();
    }
}
