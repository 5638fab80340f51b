using ContinualService.Domain.Tasks;

namespace ContinualService.Worker.Runs;

/// <summary>How far a run is and how long it still takes, from what its process reports. Plain arithmetic; the caller brings the clock.</summary>
/// <param name="evaluates">Whether there are rows to score; without, training takes that share of the bar.</param>
/// <param name="trains">Whether it learns; a preview only scores.</param>
internal sealed class RunProgress(bool evaluates, bool trains = true)
{
    // Less than this much of the bar says too little about the rate.
    private const double LeastMeasured = 0.5;

    private DateTimeOffset _phaseBegan;
    private double _phaseStart;
    private (int Index, int Count) _part = (0, 1);

    public LearningTaskPhase? Phase { get; private set; }

    /// <summary>0 to 100 over all phases.</summary>
    public double Percent { get; private set; }

    public int Step { get; private set; }

    public int TotalSteps { get; private set; }

    /// <summary>The rest of the bar at the present phase's rate; null before that can be told.</summary>
    public double? SecondsRemaining { get; private set; }

    /// <summary>A run of several parts goes through all phases in each; the bar is cut into as many pieces.</summary>
    public void Begin(int part, int count) => _part = (part, count);

    public void Enter(LearningTaskPhase phase, DateTimeOffset now)
    {
        Phase = phase;
        _phaseBegan = now;
        _phaseStart = Percent = Math.Max(Percent, Span(phase).Start);
    }

    public void Trained(int step, int totalSteps, DateTimeOffset now)
    {
        (Step, TotalSteps) = (step, totalSteps);
        Advance(LearningTaskPhase.Training, totalSteps == 0 ? 1 : (double)step / totalSteps, now);
    }

    public void Evaluated(double fraction, DateTimeOffset now) => Advance(LearningTaskPhase.Evaluating, fraction, now);

    private void Advance(LearningTaskPhase phase, double fraction, DateTimeOffset now)
    {
        var (start, end) = Span(phase);
        // Never backwards: clients draw a bar.
        Percent = Math.Max(Percent, start + Math.Clamp(fraction, 0, 1) * (end - start));
        var done = Percent - _phaseStart;
        if (done >= LeastMeasured) SecondsRemaining = Math.Max(0, (now - _phaseBegan).TotalSeconds / done * (100 - Percent));
    }

    private (double Start, double End) Span(LearningTaskPhase phase)
    {
        var (start, end) = SpanOfPart(phase);
        return ((100 * _part.Index + start) / _part.Count, (100 * _part.Index + end) / _part.Count);
    }

    private (double Start, double End) SpanOfPart(LearningTaskPhase phase) => phase switch
    {
        LearningTaskPhase.Preparing => (0, 2),
        LearningTaskPhase.Training => evaluates ? (2, 75) : (2, 96),
        LearningTaskPhase.Merging => evaluates ? (75, 76) : (96, 97),
        LearningTaskPhase.Evaluating when !trains => (2, 98),
        LearningTaskPhase.Evaluating => evaluates ? (76, 98) : (97, 98),
        _ => (98, 100),
    };
}
