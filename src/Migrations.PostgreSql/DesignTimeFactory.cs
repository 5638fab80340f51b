using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Npgsql;

namespace ContinualService.Migrations.PostgreSql;

/// <summary>What the migrations tool builds the model with; no server is asked.</summary>
internal sealed class DesignTimeFactory : IDesignTimeDbContextFactory<ServiceDbContext>
{
    public ServiceDbContext CreateDbContext(string[] args)
    {
        var options = new DbContextOptionsBuilder<ServiceDbContext>();
        options.UsePostgreSqlDatabase(NpgsqlDataSource.Create("Host=localhost"));
        return new ServiceDbContext(options.Options);
    }
}
