using System.Diagnostics;

namespace ContinualService.Bench.Continual;

/// <summary>Shows how much of the work is done and how long the rest will take. Work is counted in tokens through a forward pass.</summary>
public sealed class WorkMeter(TextWriter output, bool redraws)
{
    private readonly Lock _gate = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private double _total;
    private double _done;
    private TimeSpan _lastShown = TimeSpan.MinValue;

    /// <summary>Adds to what there is to do.</summary>
    public void Plan(double units)
    {
        lock (_gate) _total += units;
    }

    /// <summary>Adds to what is done.</summary>
    public void Add(double units)
    {
        lock (_gate)
        {
            _done += units;
            Show();
        }
    }

    /// <summary>A line of its own.</summary>
    public void Say(string line)
    {
        lock (_gate)
        {
            if (redraws) output.Write("\r\u001b[K");
            output.WriteLine(line);
            _lastShown = TimeSpan.MinValue;
            Show();
        }
    }

    private void Show()
    {
        // A terminal's line is redrawn twice a second; a log gets a line every half minute.
        var pause = redraws ? TimeSpan.FromSeconds(0.5) : TimeSpan.FromSeconds(30);
        var now = _clock.Elapsed;
        if (_done <= 0 || (_lastShown != TimeSpan.MinValue && now - _lastShown < pause) || (_lastShown == TimeSpan.MinValue && !redraws)) return;
        _lastShown = now;
        var share = Math.Min(1, _done / _total);
        var left = TimeSpan.FromSeconds(now.TotalSeconds * (1 - share) / share);
        var text = FormattableString.Invariant($"{100 * share,5:F1} %  elapsed {now:h\\:mm\\:ss}  left about {left:h\\:mm\\:ss}");
        if (redraws) output.Write("\r\u001b[K" + text);
        else output.WriteLine(text);
    }
}
