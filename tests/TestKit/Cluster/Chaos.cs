using System.Diagnostics;

namespace ContinualService.TestKit.Cluster;

/// <summary>Breaks a cluster by a plan: every fault of the plan happens once, in a shuffled order.</summary>
public sealed class Chaos(ServiceCluster cluster, ChaosPlan plan, Action<string> log)
{
    private readonly Random _random = new(plan.Seed);
    private readonly HashSet<ClusterProcess> _frozen = [];
    private readonly List<Task> _thawing = [];
    private readonly Stopwatch _time = Stopwatch.StartNew();
    private readonly Dictionary<string, int> _done = [];

    // Between two tasks there is nothing to kill for a moment.
    private static readonly TimeSpan TrainingPatience = TimeSpan.FromSeconds(15);

    /// <summary>How often each kind of fault has happened.</summary>
    public IReadOnlyDictionary<string, int> Done => _done;

    private enum Fault
    {
        KillWorker,
        KillTraining,
        Freeze,
        RestartDatabase,
        StopStorage,
    }

    /// <summary>Returns when the plan is done, or there is nothing left to disturb, and all is running again.</summary>
    /// <param name="isOver">Asked before each fault.</param>
    /// <param name="cancellationToken">Leaves the cluster as it is.</param>
    public async Task RunAsync(Func<Task<bool>> isOver, CancellationToken cancellationToken)
    {
        foreach (var fault in Shuffled())
        {
            await Task.Delay(plan.Pause * (0.5 + _random.NextDouble()), cancellationToken);
            if (await isOver()) break;
            await BreakAsync(fault, cancellationToken);
            _done[fault.ToString()] = _done.GetValueOrDefault(fault.ToString()) + 1;
        }

        await Task.WhenAll(_thawing);
    }

    private List<Fault> Shuffled()
    {
        Fault[] faults =
        [
            .. Enumerable.Repeat(Fault.KillWorker, plan.WorkerKills), .. Enumerable.Repeat(Fault.KillTraining, plan.TrainingKills), .. Enumerable.Repeat(Fault.Freeze, plan.Freezes),
            .. Enumerable.Repeat(Fault.RestartDatabase, plan.DatabaseRestarts), .. Enumerable.Repeat(Fault.StopStorage, plan.StorageOutages),
        ];
        _random.Shuffle(faults);
        return [.. faults];
    }

    private async Task BreakAsync(Fault fault, CancellationToken cancellationToken)
    {
        switch (fault)
        {
            case Fault.KillWorker:
                var victim = await AwakeWorkerAsync(cancellationToken);
                Say($"kill {victim.Name}");
                await victim.KillAsync();
                await victim.StartAsync();
                break;
            case Fault.KillTraining:
                var began = _time.Elapsed;
                while (!cluster.Workers.OrderBy(_ => _random.Next()).Any(worker => worker.KillTraining()) && _time.Elapsed - began < TrainingPatience) await Task.Delay(20, cancellationToken);
                Say("kill a training process");
                break;
            case Fault.Freeze:
                var sleeper = await AwakeWorkerAsync(cancellationToken);
                Say($"freeze {sleeper.Name}");
                lock (_frozen) _frozen.Add(sleeper);
                await sleeper.FreezeAsync();
                _thawing.Add(ThawLaterAsync(sleeper, cancellationToken));
                break;
            case Fault.RestartDatabase:
                Say("restart PostgreSQL at once");
                await cluster.Postgres.RestartAsync(immediate: true);
                break;
            case Fault.StopStorage:
                Say("stop the S3 server");
                await cluster.S3.StopAsync();
                await Task.Delay(plan.OutageTime, cancellationToken);
                await cluster.S3.StartAsync();
                Say("the S3 server is back");
                break;
        }
    }

    private async Task<ClusterProcess> AwakeWorkerAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (_frozen)
            {
                var awake = cluster.Workers.Except(_frozen).ToList();
                if (awake.Count > 0) return awake[_random.Next(awake.Count)];
            }

            await Task.Delay(100, cancellationToken);
        }
    }

    private async Task ThawLaterAsync(ClusterProcess worker, CancellationToken cancellationToken)
    {
        await Task.Delay(plan.FreezeTime, cancellationToken);
        await worker.ThawAsync();
        lock (_frozen) _frozen.Remove(worker);
        Say($"{worker.Name} goes on");
    }

    private void Say(string what) => log(FormattableString.Invariant($"{_time.Elapsed.TotalSeconds,7:F1} s  {what}"));
}
