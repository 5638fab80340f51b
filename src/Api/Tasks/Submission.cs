using ContinualService.Api.Requests;
using ContinualService.Domain.Tasks;

namespace ContinualService.Api.Tasks;

/// <summary>A task as it was sent, whichever route it came by.</summary>
/// <param name="Body">Fields and files of a <see cref="SubmitTaskRequest"/>.</param>
internal sealed record Submission(RequestBody Body)
{
    /// <summary>Digest of the request, which a repeated <see cref="IdempotencyKey"/> must have again.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Null: the same request makes a task each time.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>True: everything is checked and nothing stored.</summary>
    public bool DryRun { get; init; }

    /// <summary>The adapter to make with the task; null: the one that the body names, or the default one.</summary>
    public NewAdapter? NewAdapter { get; init; }

    /// <summary>Makes the row that remembers an OpenAI job's request, from the task's id; null: the task is none.</summary>
    public Func<string, FineTuningJob>? Job { get; init; }
}
