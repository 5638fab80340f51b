using System.Diagnostics.CodeAnalysis;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// The calling thread and some helpers that take the parts of one job at a time. Whoever is free takes the next part, so a helper that the machine gives no
/// processor costs its share of the speed and never holds the others up. One job at a time, without allocations; belongs to one thread.
/// </summary>
internal sealed class WorkTeam : IDisposable
{
    // A helper looks this often for the next job before it sleeps: the jobs of one step follow each other within microseconds.
    private const int Looks = 8_000;
    private const int Pause = 5; // between two looks

    private readonly Thread[] _helpers;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _wake = new(0);
    private Action<int>? _work;
    private int _parts;
    private int _left; // parts that nobody has taken; whoever counts it down to part p or more has taken that part of the job that is set now
    private int _done;
    private Exception? _error;
    private volatile bool _stopping;
    private int _sleeping; // guarded by _gate

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
        // Step 1: set the job. Nobody has a part of the last one any more, so only who takes a part of this one reads it.
        (_work, _parts, _done, _error) = (work, parts, 0, null);
        Volatile.Write(ref _left, parts);

        // Step 2: wake who sleeps.
        if (parts > 1 && _helpers.Length > 0)
        {
            lock (_gate)
            {
                if (_sleeping > 0)
                {
                    _wake.Release(_sleeping);
                    _sleeping = 0;
                }
            }
        }

        // Step 3: work, and wait for the others.
        TakeParts();
        var spin = default(SpinWait);
        while (Volatile.Read(ref _done) < parts) spin.SpinOnce(sleep1Threshold: -1);
        if (_error is { } error) throw new InvalidOperationException("A kernel failed: " + error.Message, error);
    }

    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        _wake.Release(Math.Max(1, _helpers.Length));
        foreach (var helper in _helpers) helper.Join();
        _wake.Dispose();
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It is thrown again on the calling thread.")]
    private void TakeParts()
    {
        while (Volatile.Read(ref _left) > 0 && Interlocked.Decrement(ref _left) is var left and >= 0)
        {
            try
            {
                _work!(_parts - 1 - left);
            }
            catch (Exception error)
            {
                _error = error;
            }

            Interlocked.Increment(ref _done);
        }
    }

    private void Help()
    {
        while (!_stopping)
        {
            for (var looks = 0; Volatile.Read(ref _left) <= 0 && looks < Looks && !_stopping; looks++) Thread.SpinWait(Pause);
            if (Volatile.Read(ref _left) > 0)
            {
                TakeParts();
                continue;
            }

            lock (_gate)
            {
                if (_stopping) return;
                if (Volatile.Read(ref _left) > 0) continue;
                _sleeping++;
            }

            _wake.Wait();
        }
    }
}
