using System.Diagnostics;

namespace ContinualService.TestKit.Cluster;

/// <summary>
/// The promise of many workers, tried out:
/// <list type="number">
/// <item>learn each stream once in peace, as the measure;</item>
/// <item>send the same streams again to many adapters, and break things by the plan;</item>
/// <item>wait until every task has ended;</item>
/// <item>compare rows, bytes and objects with what must hold.</item>
/// </list>
/// </summary>
public sealed class StormTrial(StormSettings settings, Action<string> log)
{
    // Some seconds of training, in which some checkpoints are stored.
    private const int FirstEpochs = 100;

    private static readonly Dictionary<string, string> ServiceSettings = new()
    {
        ["Training:Threads"] = "1",
        ["Training:CheckpointSeconds"] = "1",
        ["Training:LeaseSeconds"] = "5",
        ["Training:SweepSeconds"] = "1",
        ["Training:MaxAttempts"] = "100",
        ["Queue:InvisibilitySeconds"] = "5",
        ["Storage:CollectMinutes"] = "0",
    };

    /// <exception cref="TimeoutException">Tasks are unfinished after <paramref name="patience"/>; the message names one.</exception>
    public async Task<StormResult> RunAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        await using var cluster = await ServiceCluster.StartAsync(settings.Workers, ServiceSettings);
        var audit = new ClusterAudit(cluster);

        // Step 1: the measure.
        var time = Stopwatch.StartNew();
        for (var stream = 0; stream < settings.Streams; stream++) await SubmitAsync(cluster, $"calm-{stream}", stream);
        await UntilAllEndAsync(audit, patience, cancellationToken);
        var calmTime = time.Elapsed;
        log(FormattableString.Invariant($"{settings.CalmTasks} tasks in peace: {calmTime.TotalSeconds:F1} s"));

        // Step 2: the storm.
        time.Restart();
        for (var adapter = 0; adapter < settings.Adapters; adapter++) await SubmitAsync(cluster, $"stormy-{adapter}", adapter % settings.Streams);
        var chaos = new Chaos(cluster, settings.Plan, log);
        var unfinished = (long)settings.StormyTasks;
        await chaos.RunAsync(
            async () =>
            {
                var now = await UnfinishedAsync(audit);
                if (now > 0) unfinished = now;
                return now == 0;
            },
            cancellationToken);

        // Step 3: the end.
        await UntilAllEndAsync(audit, patience, cancellationToken);
        var stormTime = time.Elapsed;
        log(FormattableString.Invariant($"{settings.StormyTasks} tasks in the storm: {stormTime.TotalSeconds:F1} s"));

        // A worker lets go of its lease right after the task's end.
        for (var looks = 0; looks < 50 && await audit.CountAsync("""select count(*) from "Adapters" where "LeaseOwner" is not null""") > 0; looks++) await Task.Delay(200, cancellationToken);

        // Step 4: what must hold.
        var wrong = new List<string>(await audit.RowsAsync());
        for (var adapter = 0; adapter < settings.Adapters; adapter++)
        {
            var (calm, stormy) = (await audit.StatesAsync($"calm-{adapter % settings.Streams}"), await audit.StatesAsync($"stormy-{adapter}"));
            if (calm.Count != settings.TasksPerAdapter || !calm.SequenceEqual(stormy)) wrong.Add($"stormy-{adapter}: its versions are not those of an undisturbed adapter");
        }

        await cluster.RunAsync("collect", "--Storage:CollectAfterHours=0");
        var (bad, unnamed) = await audit.ObjectsAsync();
        if (bad.Count > 0) wrong.Add($"objects missing or with other bytes: {string.Join(", ", bad)}");
        if (unnamed.Count > 0) wrong.Add($"objects that no row names after the collection: {string.Join(", ", unnamed)}");
        return new StormResult(wrong, chaos.Done, await audit.RunsAsync("stormy-"), await audit.CountAsync("""select count(*) from "Runs" where "FromStep" > 0"""), unfinished, calmTime, stormTime);
    }

    private async Task SubmitAsync(ServiceCluster cluster, string adapter, int stream)
    {
        await cluster.PostAsync("/adapters", TaskStreams.Adapter(adapter));
        for (var place = 1; place <= settings.TasksPerAdapter; place++) await cluster.PostAsync("/tasks", TaskStreams.Task(adapter, stream, place, FirstEpochs));
    }

    private static Task<long> UnfinishedAsync(ClusterAudit audit) => audit.CountAsync("""select count(*) from "Tasks" where "Status" in ('Queued', 'Running')""");

    private static async Task UntilAllEndAsync(ClusterAudit audit, TimeSpan patience, CancellationToken cancellationToken)
    {
        var time = Stopwatch.StartNew();
        while (await UnfinishedAsync(audit) is > 0 and var left)
        {
            if (time.Elapsed > patience) throw new TimeoutException($"{left} tasks are unfinished after {patience}.");
            await Task.Delay(200, cancellationToken);
        }
    }
}
