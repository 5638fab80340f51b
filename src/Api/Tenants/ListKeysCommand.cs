using System.Globalization;

namespace ContinualService.Api.Tenants;

/// <summary>The command line <c>list-keys TENANT</c>: which keys a tenant has; the keys themselves are stored nowhere.</summary>
internal static class ListKeysCommand
{
    public const string Name = "list-keys";

    /// <summary>Prints a line for each key: id, first characters, when made, good or when revoked, name. Returns the exit code.</summary>
    public static async Task<int> RunAsync(IServiceProvider services, string[] args, TextWriter output, TextWriter errors)
    {
        if (args.Length < 2 || args[1].StartsWith('-'))
        {
            await errors.WriteLineAsync("Whose keys? list-keys TENANT, where TENANT is a name or id.");
            return 2;
        }

        await OperatorCommands.EnsureDatabaseAsync(services);
        await using var scope = services.CreateAsyncScope();
        var keys = scope.ServiceProvider.GetRequiredService<TenantKeys>();
        if (await keys.FindTenantAsync(args[1], CancellationToken.None) is not { } tenant)
        {
            await errors.WriteLineAsync($"There is no tenant '{args[1]}'; create-tenant makes one.");
            return 1;
        }

        foreach (var key in await keys.ListAsync(tenant, CancellationToken.None))
            await output.WriteLineAsync($"{key.Id}  {key.Prefix}...  made {Day(key.CreatedAt)}  {(key.RevokedAt is { } end ? $"revoked {Day(end)}" : "good")}  {key.Name}");
        return 0;
    }

    private static string Day(DateTimeOffset moment) => moment.ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture);
}
