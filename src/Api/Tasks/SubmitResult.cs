using ContinualService.Api.Errors;
using ContinualService.Domain.Tasks;

namespace ContinualService.Api.Tasks;

/// <summary>What a submission comes to: one of the nested cases, and no other.</summary>
internal abstract record SubmitResult
{
    private SubmitResult()
    {
    }

    /// <summary>The task is queued (or was, by an earlier request with this Idempotency-Key).</summary>
    public sealed record Accepted(LearningTask Task) : SubmitResult;

    /// <summary>A dry run: valid, and nothing stored.</summary>
    public sealed record Estimated(TaskEstimate Estimate) : SubmitResult;

    /// <summary>Refused; nothing stored.</summary>
    public sealed record Refused(Problem Problem) : SubmitResult;
}
