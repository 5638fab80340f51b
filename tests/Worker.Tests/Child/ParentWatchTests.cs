using System.Diagnostics;
using ContinualService.Domain.Tasks;
using ContinualService.Worker.Processes;
using Xunit;

namespace ContinualService.Worker.Tests.Child;

public sealed class ParentWatchTests
{
    [Fact]
    public async Task StandardInput_Closed_EndsTheTrainingProcess()
    {
        var token = TestContext.Current.CancellationToken;
        await using var service = new TestService();
        await service.PrepareAsync();
        await service.StartAsync();
        var taskId = await service.AddTaskAsync(await service.AddAdapterAsync(), "red", new Hyperparameters { Epochs = 1000, BatchSize = 1 });
        var running = await service.TrainingProcessAsync(taskId, attempt: 1);
        var spec = (await File.ReadAllTextAsync($"/proc/{running}/cmdline", token)).Split('\0', StringSplitOptions.RemoveEmptyEntries)[^1];
        var copy = Path.Combine(Path.GetDirectoryName(spec)!, "copy.json");
        File.Copy(spec, copy);
        using var orphan = Process.Start(new ProcessStartInfo("dotnet", ["exec", typeof(TrainingProcess).Assembly.Location, "run-task", copy])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
            Environment = { ["OMP_NUM_THREADS"] = "1" },
        })!;
        while (!(await orphan.StandardOutput.ReadLineAsync(token))!.Contains("\"step\"", StringComparison.Ordinal))
        {
            // Until it trains.
        }

        orphan.StandardInput.Close();

        await orphan.WaitForExitAsync(token).WaitAsync(TimeSpan.FromSeconds(30), token);
        Assert.Equal(137, orphan.ExitCode);
    }
}
