using System.Diagnostics;

namespace ContinualService.TestKit.Cluster;

/// <summary>Breaks a cluster by a plan: every fault of the plan happens once, in a shuffled order.</summary>
public sealed class Chaos(ServiceCluster cluster, ChaosPlan plan, Action<string> log)
{
    private readonly Random _random = new(plan.Seed);
    private readonly HashSet<ClusterProcess> _absent = [];
    private readonly List<Task> _returning = [];
    private readonly Stopwatch _time = Stopwatch.StartNew();
    private readonly Dictionary<string, int> _done = [];

    // Between two tasks there is nothing to kill for a moment.
    private static readonly TimeSpan TrainingPatience = TimeSpan.FromSeconds(15);

    private const int MostStarts = 5;

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

        await Task.WhenAll(_returning);
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
                _returning.Add(ReturnAsync(victim, () => SuperviseAsync(victim)));
                break;
            case Fault.KillTraining:
                var began = _time.Elapsed;
                while (!cluster.Workers.OrderBy(_ => _random.Next()).Any(worker => worker.KillTraining()) && _time.Elapsed - began < TrainingPatience) await Task.Delay(20, cancellationToken);
                Say("kill a training process");
                break;
            case Fault.Freeze:
                var sleeper = await AwakeWorkerAsync(cancellationToken);
                Say($"freeze {sleeper.Name}");
                await sleeper.FreezeAsync();
                _returning.Add(ReturnAsync(sleeper, () => ThawLaterAsync(sleeper, cancellationToken)));
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

    /// <summary>A worker that is not down or frozen; it is absent from now on.</summary>
    private async Task<ClusterProcess> AwakeWorkerAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (_absent)
            {
                var awake = cluster.Workers.Except(_absent).ToList();
                if (awake.Count > 0)
                {
                    var chosen = awake[_random.Next(awake.Count)];
                    _absent.Add(chosen);
                    return chosen;
                }
            }

            await Task.Delay(100, cancellationToken);
        }
    }

    // A start that meets another fault may fail; a supervisor tries again, a few times.
    private async Task SuperviseAsync(ClusterProcess worker)
    {
        for (var start = 1; ; start++)
        {
            try
            {
                await worker.StartAsync();
                return;
            }
            catch (InvalidOperationException) when (start < MostStarts)
            {
                Say($"{worker.Name} did not start");
            }
        }
    }

    // Faults go on while it comes back.
    private async Task ReturnAsync(ClusterProcess worker, Func<Task> comeBack)
    {
        await comeBack();
        lock (_absent) _absent.Remove(worker);
        Say($"{worker.Name} is back");
    }

    private async Task ThawLaterAsync(ClusterProcess worker, CancellationToken cancellationToken)
    {
        await Task.Delay(plan.FreezeTime, cancellationToken);
        await worker.ThawAsync();
    }

    private void Say(string what) => log(FormattableString.Invariant($"{_time.Elapsed.TotalSeconds,7:F1} s  {what}"));
}
