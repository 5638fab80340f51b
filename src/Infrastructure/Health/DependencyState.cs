using System.Text.Json.Serialization;

namespace ContinualService.Infrastructure.Health;

/// <summary>How one dependency does.</summary>
/// <param name="Status">ready or unavailable.</param>
/// <param name="Detail">What is wrong and what to do; absent where all is well.</param>
public sealed record DependencyState(string Status, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Detail = null);
