using ContinualService.Infrastructure;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Tenants;

/// <summary>
/// Makes the first tenant at start: with the operator's key where one is configured, else, where no key exists at all, with one made here.
/// </summary>
internal sealed partial class BootstrapTenant(
    IServiceScopeFactory scopes, IOptions<AuthOptions> options, DataFolder data, ILogger<BootstrapTenant> log) : IHostedService
{
    private const string TenantName = "default";
    private const string KeyFile = "bootstrap-key.txt";

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await EnsureAsync(cancellationToken);
        }
        catch (DbUpdateException)
        {
            // Another replica that starts at the same time made the tenant; now it is there to be found.
            await EnsureAsync(cancellationToken);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task EnsureAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var tenants = scope.ServiceProvider.GetRequiredService<TenantFactory>();
        if (options.Value.BootstrapKey is { Length: > 0 } configured)
        {
            await tenants.EnsureAsync(TenantName, configured, cancellationToken);
            return;
        }

        if (await scope.ServiceProvider.GetRequiredService<ServiceDbContext>().ApiKeys.AnyAsync(cancellationToken)) return;
        var key = ApiKeySecret.Create();
        var path = Path.Combine(data.Root, KeyFile);
        // The file first: a key that nobody was told would lock everyone out, a file without its row is replaced at the next start.
        await WriteForOwnerAsync(path, key, cancellationToken);
        await tenants.EnsureAsync(TenantName, key, cancellationToken);
        LogKeyWritten(path);
    }

    private static async Task WriteForOwnerAsync(string path, string key, CancellationToken cancellationToken)
    {
        File.Delete(path);
        await using var file = OwnerOnlyFile.Create(path);
        await using var writer = new StreamWriter(file);
        await writer.WriteLineAsync(key.AsMemory(), cancellationToken);
    }

    [LoggerMessage(1001, LogLevel.Information, "Made the first API key; it is in {Path}, readable by the service's user only")]
    private partial void LogKeyWritten(string path);
}
