using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace ContinualService.Infrastructure.Database;

/// <summary>What the migrations tool builds the model with; the file named here is never opened.</summary>
internal sealed class DesignTimeFactory : IDesignTimeDbContextFactory<ServiceDbContext>
{
    public ServiceDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<ServiceDbContext>().UseSqlite("Data Source=design-time.db").Options);
}
