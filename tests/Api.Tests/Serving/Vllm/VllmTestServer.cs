using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using TorchSharp;

namespace ContinualService.Api.Tests.Serving.Vllm;

/// <summary>
/// A server that speaks the protocol of vLLM and computes with this product's own engine, from the PEFT folder that it is told to load. It notes what it is asked,
/// is stricter than vLLM (it refuses what vLLM would merely suffer), and does wrong what a test wants.
/// </summary>
internal sealed class VllmTestServer : IAsyncDisposable
{
    private const int MaxLogProbabilities = 20;

    private static readonly HashSet<string> s_options =
    [
        "model", "prompt", "n", "max_tokens", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty", "seed", "stop_token_ids", "ignore_eos",
        "return_token_ids", "stream", "stream_options", "logit_bias", "logprobs", "return_tokens_as_token_ids", "prompt_logprobs", "cache_salt",
    ];

    private sealed record Adapter(string Digest, LoraWeights Weights)
    {
        public int Running;
    }

    private readonly BaseModel _model;
    private readonly BatchEngine _engine;
    private readonly Meter _meter = new("vllm-test-server");
    private readonly ConcurrentDictionary<string, Adapter> _adapters = new();
    private readonly ConcurrentBag<Adapter> _unloaded = [];
    private readonly ConcurrentDictionary<string, string> _digests = new(); // of each name ever loaded
    private WebApplication _app;
    private int _running;
    private int _aborted;

    private VllmTestServer(string model)
    {
        _model = BaseModel.Load(Shared.Folder($"conformance/models/{model}"), torch.CPU, torch.ScalarType.Float32);
        _engine = new BatchEngine(_model.Decoder, new BatchOptions(), model, new BatchMetrics(_meter));
        ServedName = $"served-{model}";
        _app = Build("http://127.0.0.1:0");
    }

    public string ServedName { get; }

    public string Address { get; private set; } = "";

    /// <summary>What it was asked to do: "load NAME", "unload NAME", "complete NAME".</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>What no client may do: unload what is in use, give a name to other weights, load more than there is room for.</summary>
    public ConcurrentQueue<string> Violations { get; } = new();

    public ConcurrentBag<string> Salts { get; } = [];

    public ICollection<string> Loaded => _adapters.Keys;

    public int Running => Volatile.Read(ref _running);

    /// <summary>Completions whose client went away before they had ended.</summary>
    public int Aborted => Volatile.Read(ref _aborted);

    public int MaxLoras { get; set; } = 100;

    public string? ApiKey { get; set; }

    /// <summary>Fault: the name that every piece of an answer bears, from this piece on.</summary>
    public (string Name, int From)? AnswersAs { get; set; }

    /// <summary>Fault: the connection is cut before the answer begins.</summary>
    public bool HangsUp { get; set; }

    /// <summary>Fault: the connection is cut after so many tokens.</summary>
    public int? DiesAfter { get; set; }

    /// <summary>Fault: an event with an error after so many tokens.</summary>
    public int? FailsAfter { get; set; }

    /// <summary>Fault: every completion is answered with this status.</summary>
    public int? CompletionStatus { get; set; }

    /// <summary>Fault: every load is refused with this status.</summary>
    public int? LoadStatus { get; set; }

    /// <summary>Fault: unload says that it failed.</summary>
    public bool KeepsAdapters { get; set; }

    /// <summary>Fault: the engine has died.</summary>
    public bool IsIll { get; set; }

    /// <summary>Slow: answers wait here before each token but the first.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>Slow: loads wait here.</summary>
    public Task LoadGate { get; set; } = Task.CompletedTask;

    public static async Task<VllmTestServer> StartAsync(string model)
    {
        var server = new VllmTestServer(model);
        await server.StartAsync();
        return server;
    }

    public int Count(string kind) => Requests.Count(request => request.StartsWith(kind + " ", StringComparison.Ordinal));

    public async Task StopAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    /// <summary>As a process that was killed and started again: at the same address, without adapters.</summary>
    public async Task RestartAsync()
    {
        Forget();
        _app = Build(Address);
        await StartAsync();
    }

    public void Forget()
    {
        foreach (var (name, adapter) in _adapters)
        {
            _unloaded.Add(adapter);
            _adapters.TryRemove(name, out _);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _engine.Dispose();
        foreach (var adapter in _adapters.Values.Concat(_unloaded)) adapter.Weights.Dispose();
        _model.Dispose();
        _meter.Dispose();
    }

    private WebApplication Build(string address)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(address);
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));
        var app = builder.Build();
        app.Use(CheckKeyAsync);
        app.MapGet("/health", () => IsIll ? Results.StatusCode(503) : Results.Ok());
        app.MapGet("/v1/models", List);
        app.MapPost("/v1/load_lora_adapter", LoadAsync);
        app.MapPost("/v1/unload_lora_adapter", UnloadAsync);
        app.MapPost("/v1/completions", (Delegate)CompleteAsync);
        return app;
    }

    private async Task StartAsync()
    {
        await _app.StartAsync();
        Address = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
    }

    private static IResult Error(int status, string message) => Results.Json(new { error = new { message, type = "Error", param = (string?)null, code = status } }, statusCode: status);

    private static async Task<JsonObject> ReadAsync(HttpRequest request) => (JsonObject)(await JsonNode.ParseAsync(request.Body))!;

    private async Task CheckKeyAsync(HttpContext http, RequestDelegate next)
    {
        if (ApiKey is null || !http.Request.Path.StartsWithSegments("/v1") || http.Request.Headers.Authorization == $"Bearer {ApiKey}") await next(http);
        else await Results.Json(new { error = "Unauthorized" }, statusCode: 401).ExecuteAsync(http);
    }

    private IResult List() => Results.Json(new
    {
        @object = "list",
        data = new object[] { new { id = ServedName, @object = "model", max_model_len = _model.Config.MaxPositions } }
            .Concat(_adapters.Keys.Select(name => (object)new { id = name, @object = "model", parent = ServedName })),
    });

    private async Task<IResult> LoadAsync(HttpRequest request)
    {
        var body = await ReadAsync(request);
        var (name, path) = ((string)body["lora_name"]!, (string)body["lora_path"]!);
        Requests.Enqueue($"load {name}");
        await LoadGate;
        if (LoadStatus is { } status) return Error(status, "refused by a test");
        if ((bool)body["load_inplace"]!) Violations.Enqueue($"{name} was to be loaded over another");
        if (_adapters.ContainsKey(name)) return Error(400, $"The lora adapter '{name}' has already been loaded.");
        if (_adapters.Count >= MaxLoras)
        {
            Violations.Enqueue($"{name} was loaded where there was no room");
            return Error(400, "There is no room for another adapter.");
        }

        if (!File.Exists(Path.Combine(path, PeftAdapter.ConfigFile))) return Error(404, $"No adapter found for {path}");
        var digest = Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(path, PeftAdapter.WeightsFile))));
        if (_digests.GetOrAdd(name, digest) != digest) Violations.Enqueue($"{name} was given to other weights");
        _adapters[name] = new Adapter(digest, PeftAdapter.Load(path, _model.Decoder).Weights);
        return Results.Text($"Success: LoRA adapter '{name}' added successfully.");
    }

    private async Task<IResult> UnloadAsync(HttpRequest request)
    {
        var name = (string)(await ReadAsync(request))["lora_name"]!;
        Requests.Enqueue($"unload {name}");
        if (KeepsAdapters) return Error(500, "Failed to remove the adapter from the engine.");
        if (!_adapters.TryRemove(name, out var adapter)) return Error(404, $"The lora adapter '{name}' cannot be found.");
        if (Volatile.Read(ref adapter.Running) > 0) Violations.Enqueue($"{name} was unloaded in use");
        _unloaded.Add(adapter);
        return Results.Text($"Success: LoRA adapter '{name}' removed successfully.");
    }

    private async Task<IResult> CompleteAsync(HttpContext http)
    {
        var body = await ReadAsync(http.Request);
        var name = (string)body["model"]!;
        Requests.Enqueue($"complete {name}");
        Salts.Add((string)body["cache_salt"]!);
        if (HangsUp) http.Abort();
        if (CompletionStatus is { } status) return Error(status, "refused by a test");
        if (body.Select(option => option.Key).FirstOrDefault(option => !s_options.Contains(option)) is { } unknown) return Error(400, $"There is no option {unknown}");
        if ((int?)body["logprobs"] > MaxLogProbabilities || (int?)body["prompt_logprobs"] > MaxLogProbabilities) return Error(400, "Too many log-probabilities");
        if (body["stream"] is not null && body["prompt_logprobs"] is not null) return Error(400, "prompt_logprobs are not available in a stream");
        Adapter? adapter = null;
        if (name != ServedName && !_adapters.TryGetValue(name, out adapter)) return Error(404, $"The model `{name}` does not exist.");

        if (adapter is not null) Interlocked.Increment(ref adapter.Running);
        Interlocked.Increment(ref _running);
        try
        {
            await AnswerAsync(http, body, name, adapter is null ? null : new BatchAdapter(adapter.Digest, adapter.Weights));
        }
        catch (OperationCanceledException) // as vLLM: the generation ends when nobody reads it
        {
            Interlocked.Increment(ref _aborted);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
            if (adapter is not null) Interlocked.Decrement(ref adapter.Running);
        }

        return Results.Empty;
    }

    private async Task AnswerAsync(HttpContext http, JsonObject body, string name, BatchAdapter? adapter)
    {
        var prompt = body["prompt"]!.AsArray().Select(id => (int)id!).ToArray();
        var most = (int)body["max_tokens"]!;
        var wanted = (int?)body["logprobs"];
        var scored = (int?)body["prompt_logprobs"];
        var ends = body["stop_token_ids"]?.AsArray().Select(id => (int)id!).ToHashSet() ?? [];
        var tokens = Channel.CreateUnbounded<ScoredToken>();
        IReadOnlyList<ScoredToken> promptTokens = [];
        var cached = 0;
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        var sampling = new SamplingOptions(
            (double)body["temperature"]!, (int?)body["top_k"] == 1 ? 0 : (double?)body["top_p"] ?? 1, (double?)body["frequency_penalty"] ?? 0, (double?)body["presence_penalty"] ?? 0,
            body["logit_bias"]?.AsObject().ToDictionary(bias => int.Parse(bias.Key, CultureInfo.InvariantCulture), bias => (double)bias.Value!), (int?)body["seed"] ?? 0, wanted ?? scored ?? 0);
        var admission = _engine.Submit(new SequenceRequest(
            (string)body["cache_salt"]!, adapter, prompt, most, sampling, token => tokens.Writer.TryWrite(token) && !ends.Contains(token.Id), error => tokens.Writer.TryComplete(error))
        {
            WantsLogProbabilities = wanted is not null,
            OnPromptScored = scored is null ? null : scores => promptTokens = scores,
            OnAdmitted = taken => cached = taken,
            Cancellation = cancellation.Token,
        });
        if (admission != Admission.Taken) throw new InvalidOperationException("The engine of the test server is full.");
        try
        {
            if (body["stream"] is null) await WholeAsync(http, name, tokens.Reader, () => promptTokens, scored);
            else await StreamAsync(http, name, prompt, most, wanted, ends, tokens.Reader, () => cached);
        }
        finally
        {
            // The adapter's weights are used until the engine has let go.
            await cancellation.CancelAsync();
            await tokens.Reader.Completion.ContinueWith(_ => { }, TaskScheduler.Default).WaitAsync(TimeSpan.FromSeconds(1)).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private static async Task WholeAsync(HttpContext http, string name, ChannelReader<ScoredToken> tokens, Func<IReadOnlyList<ScoredToken>> promptTokens, int? scored)
    {
        await foreach (var _ in tokens.ReadAllAsync(http.RequestAborted)) { }
        var scores = promptTokens().Select((token, position) => position == 0 ? null : (JsonNode)new JsonObject(
            token.Top.Append((token.Id, token.LogProbability)).DistinctBy(entry => entry.Item1)
                .Select((entry, rank) => KeyValuePair.Create(entry.Item1.ToString(CultureInfo.InvariantCulture), (JsonNode?)new JsonObject { ["logprob"] = entry.Item2, ["rank"] = rank, ["decoded_token"] = "?" }))));
        await http.Response.WriteAsJsonAsync(new JsonObject
        {
            ["id"] = "cmpl-1",
            ["object"] = "text_completion",
            ["model"] = name,
            ["choices"] = new JsonArray(new JsonObject { ["index"] = 0, ["text"] = "?", ["finish_reason"] = "length", ["prompt_logprobs"] = scored is null ? null : new JsonArray([.. scores]) }),
        });
    }

    private async Task StreamAsync(
        HttpContext http, string name, int[] prompt, int most, int? wanted, HashSet<int> ends, ChannelReader<ScoredToken> tokens, Func<int> cached)
    {
        http.Response.ContentType = "text/event-stream; charset=utf-8";
        await http.Response.StartAsync();
        var count = 0;
        await foreach (var token in tokens.ReadAllAsync(http.RequestAborted))
        {
            if (count > 0) await Gate.WaitAsync(http.RequestAborted);
            // What was sent arrives, but no end.
            if (DiesAfter == count) throw new IOException("killed by a test");

            if (FailsAfter == count)
            {
                await SendAsync(new JsonObject { ["error"] = new JsonObject { ["message"] = "the engine died", ["code"] = 500 } });
                return;
            }

            count++;
            var reason = ends.Contains(token.Id) ? "stop" : count == most ? "length" : null;
            await SendAsync(Piece(count, new JsonArray(new JsonObject
            {
                ["index"] = 0,
                ["text"] = "?",
                ["logprobs"] = wanted is null ? null : Scores(token),
                ["finish_reason"] = reason,
                ["stop_reason"] = reason == "stop" ? token.Id : null,
                ["prompt_token_ids"] = count == 1 ? new JsonArray([.. prompt.Select(id => JsonValue.Create(id))]) : null,
                ["token_ids"] = new JsonArray(JsonValue.Create(token.Id)),
            })));
        }

        var last = Piece(count + 1, []);
        last["usage"] = new JsonObject { ["prompt_tokens"] = prompt.Length, ["completion_tokens"] = count, ["prompt_tokens_details"] = new JsonObject { ["cached_tokens"] = cached() } };
        await SendAsync(last);
        await http.Response.WriteAsync("data: [DONE]\n\n", http.RequestAborted);

        JsonObject Piece(int number, JsonArray choices) => new()
        {
            ["id"] = "cmpl-1",
            ["object"] = "text_completion",
            ["created"] = 1,
            ["model"] = AnswersAs is { } fault && number >= fault.From ? fault.Name : name,
            ["choices"] = choices,
        };

        async Task SendAsync(JsonObject piece)
        {
            await http.Response.WriteAsync($"data: {piece.ToJsonString()}\n\n", http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
        }
    }

    /// <summary>As vLLM: the chosen token first, then the likeliest.</summary>
    private static JsonObject Scores(ScoredToken token) => new()
    {
        ["tokens"] = new JsonArray($"token_id:{token.Id}"),
        ["token_logprobs"] = new JsonArray(token.LogProbability),
        ["top_logprobs"] = new JsonArray(new JsonObject(token.Top.Prepend((token.Id, token.LogProbability)).DistinctBy(entry => entry.Item1)
            .Select(entry => KeyValuePair.Create($"token_id:{entry.Item1}", (JsonNode?)entry.Item2)))),
        ["text_offset"] = new JsonArray(0),
    };
}
