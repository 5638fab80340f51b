using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Api.Tests.OpenAi;
using ContinualService.Engine.Lora;
using Xunit;

namespace ContinualService.Api.Tests.Serving.Vllm;

/// <summary>Servers that speak vLLM's protocol for the base <see cref="Model"/>, and the service in front of them.</summary>
internal sealed class VllmWorld : IAsyncDisposable
{
    public const string Model = "llama3";

    private static readonly LoraConfig s_config = new(4, 8, ["q_proj", "v_proj"]);

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("fleet-");
    private readonly RandomAdapters _adapters = new(Model);

    private VllmWorld()
    {
    }

    public List<VllmTestServer> Servers { get; } = [];

    public VllmTestServer Server => Servers[0];

    public ServingWorld Service { get; private set; } = null!;

    public HttpClient Client => Service.Api.Client;

    /// <summary>The folder that service and servers share.</summary>
    public string Folder => _root.FullName;

    /// <summary>Version folders below <see cref="Folder"/>.</summary>
    public IEnumerable<string> Files => Directory.EnumerateDirectories(Folder, "cs-*", SearchOption.AllDirectories);

    public static async Task<VllmWorld> StartAsync(int servers = 1, params (string Key, string Value)[] settings)
    {
        var world = new VllmWorld();
        for (var index = 0; index < servers; index++) world.Servers.Add(await VllmTestServer.StartAsync(Model));
        world.Service = world.Start(settings);
        _ = world.Service.Api;
        return world;
    }

    /// <summary>A service on this fleet.</summary>
    public ServingWorld Start(params (string Key, string Value)[] settings)
    {
        var all = Settings();
        foreach (var (key, value) in settings) all[key] = value;
        return new ServingWorld(all);
    }

    public Dictionary<string, string> Settings()
    {
        var all = new Dictionary<string, string>
        {
            ["Serving:Backend"] = "vllm",
            ["Serving:Vllm:AdaptersFolder"] = Folder,
            [$"Serving:Vllm:Models:{Model}:ServedName"] = Server.ServedName,
            // Looks come when a test says so, by a short time of its own.
            ["Serving:Vllm:WatchSeconds"] = "3600",
        };
        for (var index = 0; index < Servers.Count; index++) all[$"Serving:Vllm:Models:{Model}:Servers:{index}"] = Servers[index].Address;
        return all;
    }

    /// <summary>A PEFT folder of random weights. Same seed, same bytes.</summary>
    public string Peft(int seed) => _adapters.Write(s_config, seed);

    public Task<string> PublishAsync(string name, int seed, int number = 1) => Service.PublishAsync(name, Model, Peft(seed), number);

    public static JsonObject Body(string model, params (string Name, JsonNode? Value)[] options)
    {
        var body = new JsonObject { ["model"] = model, ["prompt"] = new JsonArray([.. ServingWorld.Prompt.Select(id => JsonValue.Create(id))]), ["max_tokens"] = 6, ["temperature"] = 0, ["logprobs"] = 2 };
        foreach (var (name, value) in options) body[name] = value?.DeepClone();
        return body;
    }

    public async Task<JsonNode> AskAsync(string model, params (string Name, JsonNode? Value)[] options)
    {
        using var response = await Client.PostNodeAsync("/v1/completions", Body(model, options));
        return await response.ReadAsync(HttpStatusCode.OK);
    }

    /// <summary>The code of a refusal.</summary>
    public async Task<string?> RefusalAsync(HttpStatusCode status, string model, params (string Name, JsonNode? Value)[] options)
    {
        using var response = await Client.PostNodeAsync("/v1/completions", Body(model, options));
        var error = (await response.ReadAsync(status))["error"]!;
        Assert.False(string.IsNullOrWhiteSpace((string?)error["message"]));
        Assert.Equal(status == HttpStatusCode.ServiceUnavailable, response.Headers.RetryAfter is not null);
        return (string?)error["code"];
    }

    /// <summary>Begins a streamed answer and reads its first piece.</summary>
    public async Task<StreamReader> BeginAsync(string model, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(Body(model, ("stream", true)).ToJsonString(), null, "application/json") };
        var response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        Assert.StartsWith("data: {", await reader.ReadLineAsync(cancellationToken), StringComparison.Ordinal);
        return reader;
    }

    /// <summary>Equal in everything but the last digits of log-probabilities: what was in a cache, or shared a step, was computed in another order.</summary>
    public static void AssertSame(JsonNode? expected, JsonNode? actual)
    {
        switch (expected)
        {
            case JsonObject fields:
                Assert.Equal(fields.Select(field => field.Key), Assert.IsType<JsonObject>(actual).Select(field => field.Key));
                foreach (var (name, value) in fields) AssertSame(value, actual![name]);
                break;
            case JsonArray items:
                Assert.Equal(items.Count, Assert.IsType<JsonArray>(actual).Count);
                for (var index = 0; index < items.Count; index++) AssertSame(items[index], actual![index]);
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.Number:
                Assert.Equal((double)value, (double)actual!, RandomAdapters.Tolerance);
                break;
            default:
                Assert.Equal(expected?.ToJsonString(), actual?.ToJsonString());
                break;
        }
    }

    /// <summary>Waits, for a bounded time, until something is so.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"In 20 seconds it did not come about that {what}.");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Service.DisposeAsync();
        foreach (var server in Servers) await server.DisposeAsync();
        foreach (var server in Servers) Assert.Empty(server.Violations);
        _adapters.Dispose();
        _root.Delete(recursive: true);
    }
}
