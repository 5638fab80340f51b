namespace ContinualService.Engine.Data;

/// <summary>A row that cannot be encoded, where the caller did not ask for errors as values.</summary>
public sealed class RowException(RowError error) : Exception($"Line {error.Line}: {error.Reason} {error.Mend}")
{
    public RowError Error { get; } = error;
}
