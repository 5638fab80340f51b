using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Infrastructure.Database;

/// <summary>How the service's context reaches its SQLite file.</summary>
public static class DatabaseSetup
{
    public static DbContextOptionsBuilder UseServiceDatabase(this DbContextOptionsBuilder options, DataFolder folder) =>
        options
            .UseSqlite(new SqliteConnectionStringBuilder { DataSource = folder.Database, ForeignKeys = true }.ToString())
            .AddInterceptors(PragmaInterceptor.Instance);
}
