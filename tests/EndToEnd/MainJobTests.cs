using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.EndToEnd;

/// <summary>The service from outside: HTTP in, downloaded files out.</summary>
public sealed class MainJobTests
{
    [Fact]
    public async Task TaskStream_LearningRateZero_KeepsTheMethodsPromises()
    {
        await using var service = new ServiceProcess();
        await service.StartAsync();
        var adapter = await service.CreateAdapterAsync("stream");
        foreach (var answer in new[] { "yes", "maybe" })
            Assert.Equal("succeeded", (string?)(await service.FinishedAsync(await service.SubmitAsync(adapter, new JsonObject { ["learningRate"] = 1e-2, ["maxSteps"] = 3 }, answer)))["status"]);
        var last = await service.FinishedAsync(await service.SubmitAsync(adapter, new JsonObject { ["learningRate"] = 0, ["maxSteps"] = 2 }, "never"));
        Assert.Equal(3, (int)last["version"]!);

        var files = new Dictionary<int, byte[]>();
        for (var number = 1; number <= 3; number++) files[number] = await service.DownloadAsync($"/adapters/{adapter}/versions/{number}/download?format=state");
        var (before, after) = (new StateFile(files[2]), new StateFile(files[3]));
        Assert.Equal(files[1].Length, files[3].Length);
        Assert.Equal(14, after.Modules.Count);
        foreach (var module in after.Modules)
        {
            var basis = after.Rows($"a_ft.{module}");
            for (var row = 0; row < basis.Length; row++)
                for (var column = 0; column < basis.Length; column++)
                    Assert.Equal(row == column ? 1 : 0, basis[row].Zip(basis[column], (left, right) => (double)left * right).Sum(), 1e-5);
            var (tuned, merged, mergedBefore) = (after.Rows($"b_ft.{module}"), after.Rows($"b_merge.{module}"), before.Rows($"b_merge.{module}"));
            Assert.Equal(before.Rows($"b_ft.{module}"), tuned);
            for (var row = 0; row < merged.Length; row++)
                for (var column = 0; column < merged[row].Length; column++)
                    Assert.Equal(mergedBefore[row][column] + (tuned[row][column] - mergedBefore[row][column]) / Math.Sqrt(3), merged[row][column], 1e-6);
        }

        var version = await service.GetAsync($"/adapters/{adapter}/versions/3");
        Assert.Equal(1 / Math.Sqrt(3), (double)version["lambda"]!, 1e-12);
        Assert.Equal(2, (int)version["parent"]!);
        Assert.Equal(files[3].Length, (int)version["stateBytes"]!);
        var matrix = await service.GetAsync($"/adapters/{adapter}/matrix");
        Assert.Equal([0, 1, 2, 3], matrix["versions"]!.AsArray().Select(number => (int)number!));
        var answered = await service.PostAsync("/v1/chat/completions", new JsonObject
        {
            ["model"] = $"{adapter}@3",
            ["max_tokens"] = 4,
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "question 1" }),
        });
        Assert.Equal("assistant", (string?)answered["choices"]![0]!["message"]!["role"]);
    }

    [Fact]
    public async Task Service_KilledMidTask_FinishesItOnceAfterTheRestart()
    {
        await using var service = new ServiceProcess();
        await service.StartAsync();
        var (killed, undisturbed) = (await service.CreateAdapterAsync("killed"), await service.CreateAdapterAsync("undisturbed"));
        JsonObject Long() => new() { ["learningRate"] = 1e-2, ["epochs"] = 120, ["batchSize"] = 2 };
        var task = await service.SubmitAsync(killed, Long());
        var waiting = await service.SubmitAsync(killed, new JsonObject { ["maxSteps"] = 2 }, "later");
        await service.UntilAsync("the task trains", async () => (int)(await service.GetAsync($"/tasks/{task}"))["progress"]!["step"]! > 5);

        await service.KillAsync();
        await service.UntilAsync("the training process notices", () => Task.FromResult(service.TrainingProcesses().Count == 0));
        await service.StartAsync();

        var finished = await service.FinishedAsync(task);
        Assert.Equal("succeeded", (string?)finished["status"]);
        Assert.Equal(2, (int)finished["attempt"]!);
        Assert.Equal("succeeded", (string?)(await service.FinishedAsync(waiting))["status"]);
        var versions = (await service.GetAsync($"/adapters/{killed}/versions"))["data"]!.AsArray();
        Assert.Equal([1, 2], versions.Select(version => (int)version!["number"]!).Order());

        // The result is that of an undisturbed run, bit for bit.
        await service.FinishedAsync(await service.SubmitAsync(undisturbed, Long()));
        async Task<string> DigestAsync(string adapter) => Convert.ToHexString(SHA256.HashData(await service.DownloadAsync($"/adapters/{adapter}/versions/1/download?format=state")));
        Assert.Equal(await DigestAsync(undisturbed), await DigestAsync(killed));
    }

    [Fact]
    public async Task TrainingProcess_Killed_CostsOneAttemptAndNotTheService()
    {
        await using var service = new ServiceProcess();
        await service.StartAsync();
        var task = await service.SubmitAsync(await service.CreateAdapterAsync("attempts"), new JsonObject { ["epochs"] = 120, ["batchSize"] = 2 });
        await service.UntilAsync("the task trains", async () => (int)(await service.GetAsync($"/tasks/{task}"))["progress"]!["step"]! > 5);

        Process.GetProcessById(service.TrainingProcesses().Single()).Kill();

        var finished = await service.FinishedAsync(task);
        Assert.Equal("succeeded", (string?)finished["status"]);
        Assert.Equal(2, (int)finished["attempt"]!);
        Assert.Equal(1, (int)finished["version"]!);
    }
}
