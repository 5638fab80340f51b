using System.Text.Json.Serialization;

namespace ContinualService.Domain.Replays;

/// <summary>How what was trained again stands to what is stored, the best first.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ReplayVerdict>))]
public enum ReplayVerdict
{
    /// <summary>Every bit of every tensor is the same.</summary>
    BitIdentical,

    /// <summary>Some tensors differ, none by more than the tolerance.</summary>
    WithinTolerance,

    /// <summary>A tensor differs by more.</summary>
    Diverged,
}
