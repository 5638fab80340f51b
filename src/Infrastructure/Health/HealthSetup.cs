using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace ContinualService.Infrastructure.Health;

/// <summary>Registers <see cref="Readiness"/> and the checks of what every process needs; further ones are further singletons of <see cref="DependencyCheck"/>.</summary>
internal static class HealthSetup
{
    public static IServiceCollection AddHealth(this IServiceCollection services) => services
        .AddSingleton<Readiness>()
        .AddSingleton(provider => Database(provider.GetRequiredService<IDbContextFactory<ServiceDbContext>>()))
        .AddSingleton(provider => Objects(provider.GetRequiredService<IObjectStore>()))
        .AddSingleton(provider => Queue(provider.GetRequiredService<ITaskQueue>()));

    private static DependencyCheck Database(IDbContextFactory<ServiceDbContext> contexts) => new(
        "database",
        "See that the database runs, can be reached and lets this service in (Database:ConnectionString); the log says what it answered.",
        async cancellationToken =>
        {
            await using var database = await contexts.CreateDbContextAsync(cancellationToken);
            var pending = (await database.Database.GetPendingMigrationsAsync(cancellationToken)).Count();
            return pending == 0 ? null : $"It lacks {pending} migration(s). Run `ContinualService.Api prepare`.";
        });

    private static DependencyCheck Objects(IObjectStore objects) => new(
        "objectStore",
        "See that the object store runs, has room, and lets this service write (Storage:*); the log says what it answered.",
        async cancellationToken =>
        {
            await objects.CheckAsync(cancellationToken);
            return null;
        });

    private static DependencyCheck Queue(ITaskQueue queue) => new(
        "queue",
        "See that the database runs and `ContinualService.Api prepare` has made the queue's tables in it; the log says what it answered.",
        _ =>
        {
            queue.CountWaiting();
            return Task.FromResult<string?>(null);
        });
}
