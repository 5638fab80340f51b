namespace ContinualService.Api.Tasks;

/// <summary>Why a task failed.</summary>
/// <param name="Code">Stable code, such as loss_diverged.</param>
/// <param name="Message">What happened and what to do.</param>
/// <param name="UserError">Whether sending something else mends it.</param>
public sealed record TaskFailure(string Code, string Message, bool UserError);
