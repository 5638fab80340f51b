using System.Diagnostics.CodeAnalysis;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// The calling thread and some helpers that take the parts of one job at a time. Whoever is free takes the next part, so a helper that the machine gives no
/// processor costs its share of the speed and never holds the others up. One job at a time; belongs to one thread.
/// </summary>
internal sealed class WorkTeam : IDisposable
{
    // A helper looks this often for the next job before it sleeps: the jobs of one step follow each other within microseconds.
    private const int Looks = 2_000;

    private readonly Thread[] _helpers;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _wake = new(0);
    private volatile Job? _job;
    private volatile bool _stopping;
    private int _sleeping; // guarded by _gate

    private sealed class Job(int parts, Action<int> work)
    {
        private int _next;
        private int _done;

        public bool IsDone => Volatile.Read(ref _done) == parts;

        public Exception? Error { get; private set; }

        [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It is thrown again on the calling thread.")]
        public void TakePart()
        {
            while (Interlocked.Increment(ref _next) - 1 is var part && part < parts)
            {
                try
                {
                    work(part);
                }
                catch (Exception error)
                {
                    Error = error;
                }

                Interlocked.Increment(ref _done);
            }
        }
    }

    /// <param name="threads">The calling one included.</param>
    public WorkTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _helpers = [.. Enumerable.Range(1, threads - 1).Select(index => new Thread(Help) { IsBackground = true, Name = $"kernel {index}" })];
        foreach (var helper in _helpers) helper.Start();
    }

    /// <summary>Calls <paramref name="work"/> once for each of 0 to <paramref name="parts"/> - 1, and returns when all have ended.</summary>
    public void Run(int parts, Action<int> work)
    {
        var job = new Job(parts, work);
        if (parts > 1 && _helpers.Length > 0)
        {
            _job = job;
            lock (_gate)
            {
                if (_sleeping > 0)
                {
                    _wake.Release(_sleeping);
                    _sleeping = 0;
                }
            }
        }

        job.TakePart();
        var spin = default(SpinWait);
        while (!job.IsDone) spin.SpinOnce(sleep1Threshold: -1);
        _job = null;
        if (job.Error is { } error) throw new InvalidOperationException("A kernel failed: " + error.Message, error);
    }

    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        _wake.Release(Math.Max(1, _helpers.Length));
        foreach (var helper in _helpers) helper.Join();
        _wake.Dispose();
    }

    private void Help()
    {
        Job? seen = null;
        while (!_stopping)
        {
            var looks = 0;
            Job? job;
            while (((job = _job) is null || ReferenceEquals(job, seen)) && looks++ < Looks && !_stopping) Thread.SpinWait(20);
            if (job is null || ReferenceEquals(job, seen))
            {
                lock (_gate)
                {
                    if (_stopping) return;
                    if (_job is not null && !ReferenceEquals(_job, seen)) continue;
                    _sleeping++;
                }

                _wake.Wait();
                continue;
            }

            seen = job;
            job.TakePart();
        }
    }
}
