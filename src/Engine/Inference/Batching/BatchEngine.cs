using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using TorchSharp;

namespace ContinualService.Engine.Inference.Batching;

/// <summary>
/// Generates many answers at once over one base model: in each step every running sequence takes its next token, whoever asks and whatever adapter and version
/// it runs with, and new prompts are read in pieces beside them (continuous batching, Yu et al. 2022, Orca; chunked prefill, Agrawal et al. 2023, SARATHI).
/// One thread of its own runs the steps.
/// </summary>
public sealed class BatchEngine : IDisposable
{
    private readonly Decoder _decoder;
    private readonly BatchOptions _options;
    private readonly string _model;
    private readonly BatchMetrics _metrics;
    private readonly CpuKernels? _kernels;
    private readonly ShortPass? _shortPass;
    private readonly BatchRows _rows;
    private readonly FairQueue _line = new(); // guarded by _lock
    private readonly Lock _lock = new();
    private readonly AutoResetEvent _arrived = new(false);
    private readonly Thread _thread;
    private volatile bool _stopping;
    private volatile BatchLoad _load = new(0, 0, 0, 0);

    /// <param name="decoder">Stays the caller's, and must outlive the engine.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="model">Name of the base model in the metrics.</param>
    /// <param name="metrics">Shared by the engines of a process.</param>
    public BatchEngine(Decoder decoder, BatchOptions options, string model, BatchMetrics metrics)
    {
        (_decoder, _options, _model, _metrics) = (decoder, options, model, metrics);
        // As many threads as the library computes with.
        if (CpuKernels.CanRun(decoder)) _kernels = new CpuKernels(torch.get_num_threads());
        _shortPass = decoder.ShortPass(_kernels);
        _rows = new BatchRows(decoder, options, _kernels);
        metrics.Add(model, ReadLoad);
        _thread = new Thread(Run) { IsBackground = true, Name = "serve " + model };
        _thread.Start();
    }

    /// <summary>Most tokens that a prompt and its answer can have together.</summary>
    public int MaxTokens => (int)Math.Min(_decoder.Config.MaxPositions, _options.CacheTokens);

    public BatchLoad Load => _load;

    /// <summary>Takes a request in line; its callbacks tell it of its tokens and its end.</summary>
    /// <exception cref="ArgumentException">The request can never run: an empty prompt, no new token, or more tokens than <see cref="MaxTokens"/>.</exception>
    public Admission Submit(SequenceRequest request)
    {
        var least = request.OnPromptScored is null ? 1 : 0;
        if (request.Prompt.Length == 0 || request.MaxNewTokens < least || request.Prompt.Length + (long)request.MaxNewTokens > MaxTokens)
            throw new ArgumentException($"A prompt of {request.Prompt.Length} and an answer of {request.MaxNewTokens} tokens: they need 1 and {least}, and together they may have {MaxTokens}.", nameof(request));
        lock (_lock)
        {
            if (_stopping || _line.Count >= _options.MaxWaiting) return Admission.Full;
            if (_line.CountOf(request.Owner) >= _options.MaxWaitingPerOwner) return Admission.OwnerFull;
            _line.Add(new RunningSequence(request, _decoder.Config.VocabularySize, Stopwatch.GetTimestamp()));
        }

        _arrived.Set();
        return Admission.Taken;
    }

    /// <summary>Ends whatever runs and waits as cancelled, after the step that is under way.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_stopping) return;
            _stopping = true;
        }

        _arrived.Set();
        _thread.Join();
        _metrics.Remove(ReadLoad);
        _rows.Dispose();
        _shortPass?.Dispose();
        _kernels?.Dispose();
        _arrived.Dispose();
    }

    private BatchLoad ReadLoad() => _load;

    private void Run()
    {
        while (!_stopping)
        {
            DropCancelled();
            Admit();
            Report();
            if (_rows.Running.Count == 0) _arrived.WaitOne();
            else Step();
        }

        var stopped = new OperationCanceledException("The server is stopping. Send the request again.");
        foreach (var sequence in _rows.Running.ToList()) End(sequence, stopped);
        foreach (var sequence in Waiting()) Leave(sequence, stopped);
    }

    private void DropCancelled()
    {
        // From the last on: End takes a sequence out of the list.
        for (var index = _rows.Running.Count - 1; index >= 0; index--)
        {
            var sequence = _rows.Running[index];
            if (IsCancelled(sequence)) End(sequence, Cancelled(sequence));
        }

        foreach (var sequence in Waiting())
            if (IsCancelled(sequence)) Leave(sequence, Cancelled(sequence));

        static bool IsCancelled(RunningSequence sequence) => sequence.Request.Cancellation.IsCancellationRequested;
        static OperationCanceledException Cancelled(RunningSequence sequence) => new(sequence.Request.Cancellation);
    }

    /// <summary>Takes sequences out of the line while there is a place for one of them.</summary>
    private void Admit()
    {
        var loads = _rows.Table.Loads;
        while (_rows.HasPlace && Heads().Any(TryAdmit)) { }
        _metrics.SlotLoads(_model, _rows.Table.Loads - loads);
    }

    private bool TryAdmit(RunningSequence sequence)
    {
        try
        {
            if (!_rows.TryAdmit(sequence)) return false;
        }
        catch (ModelFormatException error)
        {
            Leave(sequence, error);
            return true;
        }

        lock (_lock) _line.Remove(sequence, admitted: true);
        if (!sequence.WasAdmitted) TellCached(sequence);
        return true;
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "What a receiver throws ends its own sequence alone.")]
    private void TellCached(RunningSequence sequence)
    {
        sequence.WasAdmitted = true;
        _metrics.Cached(_model, sequence.Cache!.Length);
        try
        {
            sequence.Request.OnAdmitted?.Invoke(sequence.Cache.Length);
        }
        catch (Exception error)
        {
            End(sequence, error);
        }
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "A step that fails ends its own sequences; the thread serves all others.")]
    private void Step()
    {
        foreach (var sequence in _rows.Grow())
        {
            lock (_lock) _line.Return(sequence);
            _metrics.Preempted(_model);
        }

        var began = Stopwatch.GetTimestamp();
        var step = BatchStep.Plan(_rows.Running, _options.StepTokens);
        (RunningSequence Sequence, ScoredToken Token)[] chosen;
        try
        {
            chosen = step.Run(_decoder, _rows.Table, _kernels, _shortPass);
        }
        catch (Exception error)
        {
            foreach (var row in step.Rows) End(row.Sequence, error);
            return;
        }

        _metrics.Step(_model, step.Rows.Count, Stopwatch.GetElapsedTime(began), step.Generated, step.PromptTokens);
        lock (_lock)
        {
            foreach (var row in step.Rows) _line.Charge(row.Sequence.Request.Owner, row.Count);
        }

        foreach (var (sequence, token) in chosen) Deliver(sequence, token);
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "What a receiver throws ends its own sequence alone.")]
    private void Deliver(RunningSequence sequence, ScoredToken token)
    {
        try
        {
            if (sequence.PromptScores is { } scores)
            {
                sequence.PromptScores = null;
                sequence.Request.OnPromptScored!(scores);
            }

            if (sequence.Request.MaxNewTokens == 0)
            {
                End(sequence, null);
                return;
            }

            if (sequence.NewTokens == 0) _metrics.FirstToken(_model, Stopwatch.GetElapsedTime(sequence.Arrival));
            sequence.Append(token.Id);
            if (!sequence.Request.OnToken(token) || sequence.NewTokens == sequence.Request.MaxNewTokens) End(sequence, null);
        }
        catch (Exception error)
        {
            End(sequence, error);
        }
    }

    /// <summary>Out of the batch.</summary>
    private void End(RunningSequence sequence, Exception? error)
    {
        _rows.Remove(sequence, keep: error is null or OperationCanceledException);
        lock (_lock) _line.Ended(sequence);
        sequence.Request.OnEnd(error);
    }

    /// <summary>Out of the line, without having been in the batch.</summary>
    private void Leave(RunningSequence sequence, Exception error)
    {
        lock (_lock) _line.Remove(sequence, admitted: false);
        sequence.Request.OnEnd(error);
    }

    private List<RunningSequence> Heads()
    {
        lock (_lock) return _line.Count == 0 ? [] : _line.Heads();
    }

    private List<RunningSequence> Waiting()
    {
        lock (_lock) return _line.Count == 0 ? [] : _line.All();
    }

    private void Report()
    {
        int waiting;
        lock (_lock) waiting = _line.Count;
        _load = new BatchLoad(_rows.Running.Count, waiting, _rows.Table.Filled, _rows.CacheTokens);
    }
}
