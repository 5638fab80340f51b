using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Worker.Child;
using ContinualService.Worker.Runs;
using ContinualService.Worker.Tests.Child;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace ContinualService.Worker.Tests;

/// <summary>Tasks that are trained, scored and checked with the base in bfloat16.</summary>
public sealed class PrecisionTests
{
    private const string Narrow = "bfloat16";

    // Of the loss, at every step; three significant digits is what bfloat16 has.
    private const double Tolerance = 1e-2;

    [Theory]
    [InlineData("float32", true)]
    [InlineData(Narrow, true)]
    [InlineData("float16", false)]
    [InlineData("BFloat16", false)]
    [InlineData("", false)]
    public void Precision_ThatIsNone_IsRefusedWithThoseThatAre(string value, bool taken)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([KeyValuePair.Create("Models:Precision", (string?)value)]).Build();
        using var services = new ServiceCollection().AddModelCatalog(configuration).BuildServiceProvider();

        var read = Record.Exception(() => services.GetRequiredService<IOptions<ModelsOptions>>().Value);

        Assert.Equal(taken, read is null);
        if (taken) return;
        var refused = Assert.IsType<OptionsValidationException>(read).Message;
        Assert.All(["Models:Precision", "float32", Narrow], word => Assert.Contains(word, refused, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Task_OfAServiceInBFloat16_IsPublishedAndItsVersionSaysSo()
    {
        await using var service = new TestService(precision: Narrow);
        await service.PrepareAsync();
        await service.StartAsync();

        var taskId = await service.AddTaskAsync(await service.AddAdapterAsync(), "red", new Hyperparameters { Epochs = 2, BatchSize = 4 });
        var task = await service.WaitForEndAsync(taskId);

        Assert.True(task.Status == LearningTaskStatus.Succeeded, task.FailureMessage);
        await using var database = service.Open();
        var version = await database.Versions.SingleAsync(TestContext.Current.CancellationToken);
        Assert.Equal(Narrow, TrainingEnvironment.Read(version.EnvironmentJson)!.Precision);
    }

    [Fact]
    public void Run_InBFloat16_LearnsAsInFloat32AndIsMadeAgainFromIt()
    {
        using var folder = new RunFolder();
        var (wide, narrow) = (folder.Spec(6), folder.Spec(6) with { Precision = Narrow });
        var (expected, found) = (Losses(wide), Losses(narrow));

        Assert.Equal(12, found.Count);
        Assert.All(expected.Zip(found), pair => Assert.InRange(pair.Second, pair.First * (1 - Tolerance), pair.First * (1 + Tolerance)));
        Assert.NotEqual(expected, found);
        Assert.True(found[^1] < found[0] - 10 * Tolerance, $"{found[0]} to {found[^1]}");
        Assert.Equal(("float32", Narrow), (Result(wide).Environment.Precision, Result(narrow).Environment.Precision));
        Assert.All(Result(wide).Scores.Zip(Result(narrow).Scores), pair => Assert.Equal(pair.First.Score, pair.Second.Score, Tolerance * pair.First.Score));

        // A service in float32 makes both again, each in its own.
        ReplayPart Part(RunSpec of, int number) => new(number, of.TaskId, of.Train, of.Hyperparameters, [], null, RunFolder.StoredState(of), Precision: Result(of).Environment.Precision);
        foreach (var of in new[] { narrow, wide })
        {
            var replay = RunFolder.Run(folder.Spec(6) with { Replay = new ReplaySpec([Part(of, 1)], 1e-3) }).Said.OfType<RunMessage.Replayed>().Single().Version;
            Assert.Equal((ReplayVerdict.BitIdentical, Result(of).Environment.Precision), (replay.Verdict, replay.Environment.Precision));
        }

        // Steps of the one are no beginning of the other.
        var cut = folder.Spec(6) with { CheckpointSeconds = 3600 };
        var checkpoint = RunFolder.Run(cut).Said.OfType<RunMessage.Checkpoint>().Last();
        var (_, said) = RunFolder.Run(folder.Spec(6) with { Precision = Narrow, Checkpoint = RunFolder.Stored(cut, checkpoint) });
        Assert.Single(said.OfType<RunMessage.Log>(), log => log.Text.Contains("cannot be used", StringComparison.Ordinal));
        Assert.DoesNotContain(said, message => message is RunMessage.Resumed);

        static List<double> Losses(RunSpec spec) => [.. RunFolder.Run(spec).Said.OfType<RunMessage.Step>().Select(step => step.Loss)];
    }

    private static RunResult Result(RunSpec spec) => RunJson.Read<RunResult>(Path.Combine(spec.OutputFolder, RunResult.FileName));
}
