namespace ContinualService.Infrastructure.Database;

/// <summary>The databases this service runs on.</summary>
public enum DatabaseProvider
{
    /// <summary>One file in the data folder, for one process.</summary>
    Sqlite,

    /// <summary>A server that any number of processes share.</summary>
    PostgreSql,
}
