using Microsoft.Extensions.Options;
using Npgsql;

namespace ContinualService.Infrastructure.Database;

/// <summary>Finds at the start what would fail at the first statement.</summary>
internal sealed class DatabaseOptionsValidator : IValidateOptions<DatabaseOptions>
{
    private const int LongestWait = 3600;

    public ValidateOptionsResult Validate(string? name, DatabaseOptions options)
    {
        if (options.WaitSeconds is < 0 or > LongestWait) return ValidateOptionsResult.Fail($"Database:WaitSeconds is {options.WaitSeconds}. Set 0 to {LongestWait}.");
        if (options.Provider == DatabaseProvider.Sqlite)
        {
            return string.IsNullOrEmpty(options.ConnectionString)
                ? ValidateOptionsResult.Success
                : ValidateOptionsResult.Fail("Database:ConnectionString is set but Database:Provider is sqlite, which keeps its file in Data:Root. Set Database:Provider to postgresql, or remove the connection string.");
        }

        if (string.IsNullOrWhiteSpace(options.ConnectionString))
            return ValidateOptionsResult.Fail("Database:Provider is postgresql but Database:ConnectionString is empty. Set it, for example to Host=localhost;Database=continual;Username=continual;Password=....");
        try
        {
            var parsed = new NpgsqlConnectionStringBuilder(options.ConnectionString);
            if (string.IsNullOrEmpty(parsed.Host)) return ValidateOptionsResult.Fail("Database:ConnectionString names no Host. Add Host=....");
            return ValidateOptionsResult.Success;
        }
        catch (ArgumentException unreadable)
        {
            return ValidateOptionsResult.Fail($"Database:ConnectionString cannot be read: {unreadable.Message} Its form is Host=...;Database=...;Username=...;Password=....");
        }
    }
}
