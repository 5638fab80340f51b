namespace ContinualService.Domain.Unlearnings;

/// <summary>How a task is unlearned.</summary>
public enum UnlearnMode
{
    /// <summary>The tasks after it are learned again without it: the result is that of an adapter that never had it.</summary>
    Exact,

    /// <summary>Its own pair is taken out of what the method keeps: at once, but later tasks were learned with it there.</summary>
    Approximate,
}
