namespace ContinualService.Domain.Adapters;

/// <summary>One move of an alias; together they are its history.</summary>
public sealed class AliasChange
{
    public required string Id { get; init; }

    public required string AdapterId { get; init; }

    public required string Alias { get; init; }

    /// <summary>Null: the alias was made.</summary>
    public int? FromVersion { get; init; }

    public int ToVersion { get; init; }

    /// <summary>Id of the task that published the version, or of the API key that moved the alias.</summary>
    public required string Actor { get; init; }

    public DateTimeOffset ChangedAt { get; init; }
}
