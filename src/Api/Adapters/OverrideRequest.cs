using ContinualService.Api.Errors;

namespace ContinualService.Api.Adapters;

/// <summary>Why a refused version is to answer all the same.</summary>
public sealed class OverrideRequest
{
    private const int LongestReason = 1000;

    /// <summary>In your words, at most 1,000 characters; kept with the version and in the audit log.</summary>
    public string? Reason { get; init; }

    /// <summary>The reason without blanks around it; adds to <paramref name="errors"/> where there is none, or too much of it.</summary>
    internal static string Checked(string? reason, string field, List<FieldError> errors)
    {
        var said = reason?.Trim() ?? "";
        if (said.Length is 0 or > LongestReason)
            errors.Add(new(null, field, said.Length == 0 ? "The reason is missing." : $"The reason has {said.Length} characters.", $"Say in 1 to {LongestReason} characters why this version is to answer against the gate."));
        return said;
    }
}
