namespace ContinualService.Engine.Continual;

/// <summary>A method that keeps the pair of every task by itself, so that one can be taken out again. Later tasks were learned with it there: the result is an approximation.</summary>
public interface IKeepsTasks : IContinualMethod
{
    /// <summary>The state without one task's pair, and with one task fewer. Copies.</summary>
    /// <param name="state">After two tasks or more.</param>
    /// <param name="task">The task's number in it, 1-based.</param>
    AdapterState Without(AdapterState state, int task);
}
