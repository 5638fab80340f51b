using System.Diagnostics;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ContinualService.TestKit.Cluster;
using Xunit;

namespace ContinualService.EndToEnd;

/// <summary>A backup that is taken while tasks run and versions are published, and the service that comes out of it.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class BackupTests : IAsyncDisposable
{
    private const string Unfinished = """select count(*) from "Tasks" where "Status" in ('Queued', 'Running')""";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private static readonly Dictionary<string, string> Settings = new()
    {
        ["Training:Threads"] = "1",
        ["Training:CheckpointSeconds"] = "1",
        ["Training:LeaseSeconds"] = "5",
        ["Training:SweepSeconds"] = "1",
        ["Queue:InvisibilitySeconds"] = "5",
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("backup-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Backup => Path.Combine(_folder, "backup");

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Backup_TakenUnderLoad_RestoresIntoAWorkingService()
    {
        await using var service = await ServiceCluster.StartAsync(workers: 2, Settings);
        var audit = new ClusterAudit(service);
        var otherKey = (await service.RunAsync("create-tenant", "other")).Trim().Split('\n')[^1];
        foreach (var adapter in (string[])["paused", "long", "busy"]) await service.PostAsync("/adapters", TaskStreams.Adapter(adapter));

        // One task waits at a checkpoint, another has published a version.
        var paused = await SubmitAsync(service, "paused", 1);
        await UntilAsync("the paused task has a checkpoint", async () => await CheckpointAsync(audit, paused) > 0);
        await service.PostAsync($"/tasks/{paused}/pause", new JsonObject());
        await UntilAsync("it stands still", async () => (string?)(await service.GetAsync($"/tasks/{paused}"))["status"] == "paused");
        await PublishAsync(service, 2);

        // The backup stands still before and after it reads the rows: before, a version is published, a long task reaches a checkpoint and another waits
        // for it; after, a version is published, a newer checkpoint replaces the one that the rows name, and an object that they name is collected.
        var script = Script(service, Gate());
        var taking = script.SucceedAsync("take", Backup);
        await UntilAsync("the first objects are copied", () => Exists("before"));
        var beforeTheRows = await PublishAsync(service, 3);
        var running = await SubmitAsync(service, "long", 1);
        var waiting = await SubmitAsync(service, "long", 2);
        await UntilAsync("the long task has a checkpoint", async () => await CheckpointAsync(audit, running) > 0);
        Open("dump");
        await UntilAsync("the rows are read", () => Exists("dumped"));
        var snapshot = await CheckpointAsync(audit, running);
        var afterTheRows = await PublishAsync(service, 4);
        await UntilAsync("a newer checkpoint took the place of the one in the backup", async () => await CheckpointAsync(audit, running) != snapshot);
        var collected = (await audit.StatesAsync("busy"))[0].Split(' ')[0];
        await service.S3.DeleteAsync(service.Bucket, $"objects/{collected[..2]}/{collected}", Token);
        Open("finish");
        await taking;
        await service.Api.KillAsync();
        foreach (var worker in service.Workers) await worker.KillAsync();

        await using var restored = service.On(await service.Postgres.CreateDatabaseAsync(Token), service.Bucket + "-restored");
        Assert.Contains("1 were deleted while the backup was taken", await Script(restored).SucceedAsync("restore", Backup), StringComparison.Ordinal);
        var after = new ClusterAudit(restored);
        Assert.Equal(2, await after.CountAsync(Unfinished));
        await restored.RunAsync("prepare");
        await restored.RunAsync("verify");
        await restored.Api.StartAsync();
        await restored.AddWorkerAsync();
        await restored.PostAsync($"/tasks/{paused}/resume", new JsonObject());
        await UntilAsync("all tasks have ended", async () => await after.CountAsync(Unfinished) == 0);
        // A run lets go of its adapter after its task has ended.
        await UntilAsync("no adapter is held", async () => await after.CountAsync("""select count(*) from "Adapters" where "LeaseOwner" is not null""") == 0);

        // What the rows of the backup name is there, ends, and holds together.
        Assert.Empty(await after.RowsAsync());
        Assert.Empty((await after.ObjectsAsync()).Bad);
        foreach (var task in (string[])[paused, running, waiting, beforeTheRows]) Assert.Equal("succeeded", (string?)(await restored.GetAsync($"/tasks/{task}"))["status"]);
        Assert.Equal(0, await after.CountAsync($"""select count(*) from "Tasks" where "Id" = '{afterTheRows}'"""));
        Assert.True(await after.CountAsync($"""select "FromStep" from "Runs" where "TaskId" = '{paused}' order by "Attempt" desc limit 1""") > 0, "The paused task began anew.");
        foreach (var (adapter, versions) in (((string, int)[])[("paused", 1), ("long", 2), ("busy", 2)])) await DownloadAllAsync(restored, adapter, versions);
        Assert.Equal((await audit.StatesAsync("busy")).Take(2), await after.StatesAsync("busy"));

        // It serves, and its keys are good.
        var answer = await restored.PostAsync("/v1/chat/completions", new JsonObject
        {
            ["model"] = "long@2",
            ["max_tokens"] = 4,
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "row 1" }),
        });
        Assert.Equal("assistant", (string?)answer["choices"]![0]!["message"]!["role"]);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/adapters") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", otherKey) } };
        using var other = new HttpClient { BaseAddress = restored.Client.BaseAddress };
        using var response = await other.SendAsync(request, Token);
        Assert.True(response.IsSuccessStatusCode, $"The other tenant's key is refused: {response.StatusCode}");
    }

    private static BackupScript Script(ServiceCluster service, string? gate = null) => new(service.ConnectionString, service.S3.Endpoint, service.Bucket, service.S3.AccessKey, service.S3.SecretKey)
    {
        FirstPath = gate,
    };

    private static async Task<string> SubmitAsync(ServiceCluster service, string adapter, int place) =>
        (string)(await service.PostAsync("/tasks", TaskStreams.Task(adapter, stream: 1, place)))["id"]!;

    /// <summary>A task of the busy adapter, from its submission to its version.</summary>
    private static async Task<string> PublishAsync(ServiceCluster service, int place)
    {
        var task = await SubmitAsync(service, "busy", place);
        await UntilAsync($"task {place} is published", async () => (string?)(await service.GetAsync($"/tasks/{task}"))["status"] == "succeeded");
        return task;
    }

    /// <summary>The step of a task's checkpoint; 0 without one.</summary>
    private static Task<long> CheckpointAsync(ClusterAudit audit, string task) => audit.CountAsync($"""select coalesce(max("Step"), 0) from "Checkpoints" where "TaskId" = '{task}'""");

    private static async Task DownloadAllAsync(ServiceCluster service, string adapter, int versions)
    {
        Assert.Equal(versions, (await service.GetAsync($"/adapters/{adapter}/versions"))["data"]!.AsArray().Count);
        for (var number = 1; number <= versions; number++)
        {
            var facts = await service.GetAsync($"/adapters/{adapter}/versions/{number}");
            using var state = await service.Client.GetAsync(new Uri($"/adapters/{adapter}/versions/{number}/download?format=state", UriKind.Relative), Token);
            Assert.Equal(state.Headers.ETag!.Tag.Trim('"'), Convert.ToHexStringLower(SHA256.HashData(await state.Content.ReadAsByteArrayAsync(Token))));
            await using var zip = new ZipArchive(await service.Client.GetStreamAsync(new Uri($"/adapters/{adapter}/versions/{number}/download", UriKind.Relative), Token));
            await using var weights = await zip.GetEntry("adapter_model.safetensors")!.OpenAsync(Token);
            Assert.Equal((string?)facts["sha256"], Convert.ToHexStringLower(await SHA256.HashDataAsync(weights, Token)));
        }
    }

    private static async Task UntilAsync(string what, Func<Task<bool>> condition)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"Waited in vain until {what}.");
            await Task.Delay(50, Token);
        }
    }

    /// <summary>A pg_dump that waits for this test before and after its work.</summary>
    private string Gate()
    {
        var program = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, "gate")).FullName, "pg_dump");
        File.WriteAllText(program, $"""
            #!/bin/sh
            PATH=$(echo "$PATH" | cut -d : -f 2-)
            touch "{_folder}/before"
            until [ -e "{_folder}/dump" ]; do sleep 0.05; done
            pg_dump "$@" || exit
            touch "{_folder}/dumped"
            until [ -e "{_folder}/finish" ]; do sleep 0.05; done
            """);
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return Path.GetDirectoryName(program)!;
    }

    private Task<bool> Exists(string sign) => Task.FromResult(File.Exists(Path.Combine(_folder, sign)));

    private void Open(string sign) => File.WriteAllText(Path.Combine(_folder, sign), "");
}
