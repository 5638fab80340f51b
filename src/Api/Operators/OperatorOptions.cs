using System.ComponentModel.DataAnnotations;

namespace ContinualService.Api.Operators;

/// <summary>Section <c>Operator</c>: what is for those who run the service.</summary>
internal sealed class OperatorOptions
{
    public const string Section = "Operator";

    /// <summary>Password of the user <c>operator</c> at /hangfire. Null or empty: the dashboard is off.</summary>
    [RegularExpression(".{16,}", ErrorMessage = "Operator:Key must have at least 16 characters; `openssl rand -hex 24` makes a good one.")]
    public string? Key { get; set; }
}
