namespace ContinualService.Api.Previews;

/// <summary>What earlier tasks lost against their best score before; below 0 they got better.</summary>
/// <param name="Mean">Over the earlier tasks that were measured.</param>
/// <param name="Worst">Of the task that lost most.</param>
/// <param name="Low">Lower end of the mean's 95 % interval; the scores before are taken as given.</param>
/// <param name="High">Upper end.</param>
public sealed record CurveForgetting(double Mean, double Worst, double Low, double High);
