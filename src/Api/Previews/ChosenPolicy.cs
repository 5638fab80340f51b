using System.Text.Json;
using ContinualService.Domain.Previews;

namespace ContinualService.Api.Previews;

/// <summary>How the lambda was chosen, with the defaults of what was not sent.</summary>
/// <param name="Objective">averageAccuracy or newTask, spelled as in the request.</param>
/// <param name="LargestForgetting">Null: no bound.</param>
public sealed record ChosenPolicy(string Objective, double? LargestForgetting)
{
    internal static ChosenPolicy Of(MergePolicy policy) => new(JsonNamingPolicy.CamelCase.ConvertName($"{policy.Objective}"), policy.LargestForgetting);
}
