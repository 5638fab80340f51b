using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>The requests that one vLLM server understands. Only a completion can be given up by who asks; the others have limits of time.</summary>
internal sealed class VllmClient(HttpClient http, Uri address, VllmOptions options)
{
    private const int LongestMessage = 500;
    private const double ListSeconds = 10;

    /// <summary>The names that the server answers to, with the longest sequence where it tells (of the base it does).</summary>
    public Task<Dictionary<string, int?>> ListAsync() => WithinAsync(ListSeconds, async cancellationToken =>
    {
        // The list also comes from a server whose engine has died.
        using (await SendOkAsync(HttpMethod.Get, "/health", null, cancellationToken)) { }
        using var response = await SendOkAsync(HttpMethod.Get, "/v1/models", null, cancellationToken);
        try
        {
            var list = JsonNode.Parse(await ReadAsync(response, cancellationToken))?["data"]?.AsArray() ?? throw new VllmException("/v1/models has no data.");
            return list.ToDictionary(item => item!["id"]!.GetValue<string>(), item => item!["max_model_len"]?.GetValue<int>());
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NullReferenceException or ArgumentException or FormatException) // not the published shape
        {
            throw new VllmException("/v1/models is no list of models.", inner: error);
        }
    });

    /// <summary>Loads an adapter; that it was there already is as good, because a name always stands for the same weights.</summary>
    public Task LoadAsync(string name, string path) => WithinAsync(options.LoadSeconds, async cancellationToken =>
    {
        using var response = await SendAsync(
            HttpMethod.Post, "/v1/load_lora_adapter", new JsonObject { ["lora_name"] = name, ["lora_path"] = path, ["load_inplace"] = false }, cancellationToken);
        if (response.IsSuccessStatusCode) return true;
        var message = await MessageAsync(response, cancellationToken);
        if (response.StatusCode == HttpStatusCode.BadRequest && message.Contains("already been loaded", StringComparison.Ordinal)) return true;
        throw new VllmException($"It did not load {name}: {(int)response.StatusCode} {message}") { Status = (int)response.StatusCode };
    });

    /// <summary>Unloads an adapter; that it was gone already is as good.</summary>
    public Task UnloadAsync(string name) => WithinAsync(options.LoadSeconds, async cancellationToken =>
    {
        using var response = await SendAsync(HttpMethod.Post, "/v1/unload_lora_adapter", new JsonObject { ["lora_name"] = name }, cancellationToken);
        if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.NotFound) return true;
        throw new VllmException($"It did not unload {name}: {(int)response.StatusCode} {await MessageAsync(response, cancellationToken)}");
    });

    /// <summary>The answer's head, its body still to come. The caller disposes it.</summary>
    public Task<HttpResponseMessage> CompleteAsync(JsonObject body, CancellationToken cancellationToken) =>
        SendOkAsync(HttpMethod.Post, "/v1/completions", body, cancellationToken);

    /// <exception cref="VllmException">The connection broke off.</exception>
    public static async Task<string> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            return await response.Content.ReadAsStringAsync(cancellationToken);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw new VllmException($"Its answer broke off: {error.Message}", inner: error);
        }
    }

    private static async Task<T> WithinAsync<T>(double seconds, Func<CancellationToken, Task<T>> work)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        try
        {
            return await work(limit.Token);
        }
        catch (OperationCanceledException error) when (limit.IsCancellationRequested)
        {
            throw new VllmException(FormattableString.Invariant($"It did not answer within {seconds} seconds."), inner: error);
        }
    }

    private async Task<HttpResponseMessage> SendOkAsync(HttpMethod method, string path, JsonObject? body, CancellationToken cancellationToken)
    {
        var response = await SendAsync(method, path, body, cancellationToken);
        if (response.IsSuccessStatusCode) return response;
        using (response)
            throw new VllmException($"It answered {path} with {(int)response.StatusCode}: {await MessageAsync(response, cancellationToken)}") { Status = (int)response.StatusCode };
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, JsonObject? body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, new Uri(address, path));
        if (options.ApiKey is { } key) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (body is not null) request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        try
        {
            return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (HttpRequestException error)
        {
            var wasSent = error.HttpRequestError is not (HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError);
            throw new VllmException(string.Create(CultureInfo.InvariantCulture, $"{(wasSent ? "Its answer broke off" : "It cannot be reached")}: {error.Message}"), wasSent, error);
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested) // the handler's limit for a connection
        {
            throw new VllmException("It cannot be reached: no connection in time.", wasSent: false, error);
        }
    }

    /// <summary>What an answer that is no success says, for the log.</summary>
    private static async Task<string> MessageAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var text = await ReadAsync(response, cancellationToken);
        return text.Length <= LongestMessage ? text : text[..LongestMessage];
    }
}
