namespace ContinualService.Engine.Continual;

/// <summary>What is wrong with an option of a method.</summary>
/// <param name="Option">Its name as it was given.</param>
/// <param name="Reason">A sentence.</param>
/// <param name="Mend">What to do, a sentence.</param>
public sealed record MethodOptionFault(string Option, string Reason, string Mend);
