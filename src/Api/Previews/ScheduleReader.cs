using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Api.Errors;
using ContinualService.Domain.Previews;

namespace ContinualService.Api.Previews;

/// <summary>Reads the schedules of a preview's request.</summary>
internal static class ScheduleReader
{
    private const string Mend = "Send {\"from\": a, \"to\": b} or {\"layers\": [a, b, ...]}, numbers from 0 to 1.";

    /// <summary>Those without a fault; the faults of the others go to <paramref name="errors"/>.</summary>
    /// <param name="sent">Null: none.</param>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="errors">By field.</param>
    public static List<MergeSchedule> Read(JsonArray? sent, int layers, List<FieldError> errors)
    {
        List<MergeSchedule> schedules = [];
        for (var index = 0; index < (sent?.Count ?? 0); index++)
        {
            var field = string.Create(CultureInfo.InvariantCulture, $"schedules[{index}]");
            if (ReadOne(sent![index]) is not { } schedule) errors.Add(new(null, field, "It is no schedule.", Mend));
            else if (!schedule.Fits(layers)) errors.Add(new(null, field, $"It has not one number for each of the model's {layers} layers.", Mend));
            else if (Enumerable.Range(0, layers).All(layer => schedule.At(layer, layers) == schedule.At(0, layers))) errors.Add(new(null, field, "It has the same lambda in every layer.", "Put that into lambdas."));
            else if (schedules.Contains(schedule)) errors.Add(new(null, field, "It is there twice.", "Send each once."));
            else schedules.Add(schedule);
        }

        return schedules;
    }

    private static MergeSchedule? ReadOne(JsonNode? node) => node switch
    {
        JsonObject { Count: 2 } ends when Number(ends["from"]) is { } from && Number(ends["to"]) is { } to => MergeSchedule.Linear(from, to),
        JsonObject { Count: 1 } list when list["layers"] is JsonArray { Count: > 0 } numbers && numbers.All(number => Number(number) is not null) => MergeSchedule.Layers(numbers.Select(number => Number(number)!.Value)),
        _ => null,
    };

    private static double? Number(JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.GetValue<double>() is >= 0 and <= 1 and var number ? number : null;
}
