namespace ContinualService.Infrastructure.Database;

/// <summary>Section <c>Database</c>: where the rows are kept.</summary>
public sealed class DatabaseOptions
{
    public const string Section = "Database";

    public DatabaseProvider Provider { get; set; } = DatabaseProvider.Sqlite;

    /// <summary>For PostgreSQL, such as <c>Host=db;Database=continual;Username=continual;Password=...</c>; SQLite's file lies in the data folder.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>False: the start is refused while migrations are pending, and the operator runs <c>prepare</c> first.</summary>
    public bool MigrateAtStart { get; set; } = true;

    /// <summary>Seconds that a starting program waits for a server that does not answer, 0 to 3600.</summary>
    public int WaitSeconds { get; set; } = 60;
}
