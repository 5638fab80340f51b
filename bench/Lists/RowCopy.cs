using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace ContinualService.Bench.Lists;

/// <summary>Writes rows with COPY, many times as fast as SaveChanges; tables, columns and conversions come from the service's own model.</summary>
internal static class RowCopy
{
    /// <exception cref="PostgresException">A row breaks a rule of its table; none is written then.</exception>
    public static async Task CopyAsync<TRow>(this ServiceDbContext database, IEnumerable<TRow> rows, CancellationToken cancellationToken)
        where TRow : class
    {
        var entity = database.Model.FindEntityType(typeof(TRow)) ?? throw new ArgumentException($"{typeof(TRow).Name} is no row of the service.", nameof(rows));
        var columns = entity.GetProperties()
            .Select(property => (Name: property.GetColumnName(), Read: property.PropertyInfo!, Mapping: property.GetRelationalTypeMapping()))
            .ToList();
        await database.Database.OpenConnectionAsync(cancellationToken);
        var connection = (NpgsqlConnection)database.Database.GetDbConnection();
        await using var writer = await connection.BeginBinaryImportAsync(
            $"COPY \"{entity.GetTableName()}\" ({string.Join(", ", columns.Select(column => $"\"{column.Name}\""))}) FROM STDIN (FORMAT BINARY)", cancellationToken);
        foreach (var row in rows)
        {
            await writer.StartRowAsync(cancellationToken);
            foreach (var (_, read, mapping) in columns)
            {
                var value = read.GetValue(row);
                if (value is not null && mapping.Converter is { } converter) value = converter.ConvertToProvider(value);
                if (value is null) await writer.WriteNullAsync(cancellationToken);
                else await writer.WriteAsync(value, mapping.StoreTypeNameBase, cancellationToken);
            }
        }

        await writer.CompleteAsync(cancellationToken);
        await writer.DisposeAsync();
        await database.Database.CloseConnectionAsync();
    }
}
