using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Worker.Tests;

public sealed class WorkerHostTests : IAsyncLifetime
{
    private readonly TestService _service = new(shared: true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _service.PrepareAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task Health_OfAWorkingProcess_NamesEverythingItNeeds()
    {
        await using var worker = await WorkerProcess.StartAsync(_service, Token);

        Assert.Equal("live", (string?)(await AskAsync(worker, "/health/live", HttpStatusCode.OK))["status"]);
        var ready = await AskAsync(worker, "/health/ready", HttpStatusCode.OK);

        Assert.Equal("ready", (string?)ready["status"]);
        Assert.Equal(["database", "device", "objectStore", "queue", "worker"], ready["dependencies"]!.AsObject().Select(each => each.Key).Order());
    }

    [Fact]
    public async Task Ready_WithADeviceThatIsNotThere_SaysSo()
    {
        await using var worker = await WorkerProcess.StartAsync(_service, Token, "--Training:Device=cuda:99");

        while (true)
        {
            var device = (await AskAsync(worker, "/health/ready", HttpStatusCode.ServiceUnavailable))["dependencies"]!["device"]!;
            Assert.Equal("unavailable", (string?)device["status"]);
            var detail = (string?)device["detail"] ?? "";
            if (detail.StartsWith("The device cuda:99 cannot be used", StringComparison.Ordinal)) return;
            Assert.StartsWith("The device is being looked at", detail, StringComparison.Ordinal);
            await Task.Delay(200, Token);
        }
    }

    private static async Task<JsonNode> AskAsync(WorkerProcess worker, string path, HttpStatusCode expected)
    {
        using var response = await worker.Client.GetAsync(path, Token);
        var text = await response.Content.ReadAsStringAsync(Token);
        Assert.True(expected == response.StatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }
}
