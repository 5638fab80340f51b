using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace ContinualService.Migrations.Sqlite;

/// <summary>What the migrations tool builds the model with; the file named here is never opened.</summary>
internal sealed class DesignTimeFactory : IDesignTimeDbContextFactory<ServiceDbContext>
{
    public ServiceDbContext CreateDbContext(string[] args)
    {
        var options = new DbContextOptionsBuilder<ServiceDbContext>();
        options.UseSqliteDatabase("design-time.db");
        return new ServiceDbContext(options.Options);
    }
}
