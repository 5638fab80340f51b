namespace ContinualService.Api.Tenants;

/// <summary>The command line <c>create-key TENANT [--name N]</c>: a further key of a tenant, also while the service runs.</summary>
internal static class CreateKeyCommand
{
    public const string Name = "create-key";
    private const int LongestName = 200;

    /// <summary>Makes the key and prints it, once; returns the exit code.</summary>
    public static async Task<int> RunAsync(IServiceProvider services, string[] args, TextWriter output, TextWriter errors)
    {
        if (args.Length < 2 || args[1].StartsWith('-'))
        {
            await errors.WriteLineAsync("Whose key? create-key TENANT [--name N], where TENANT is a name or id.");
            return 2;
        }

        var name = services.GetRequiredService<IConfiguration>()["name"] ?? "further";
        if (name.Length is 0 or > LongestName)
        {
            await errors.WriteLineAsync($"The key's name is empty or too long; use 1 to {LongestName} characters.");
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

        var (row, key) = await keys.CreateAsync(tenant, name, CancellationToken.None);
        await errors.WriteLineAsync($"Key {row.Id} of tenant '{tenant.Name}' is made; the others stay good. It follows and is not shown again:");
        await output.WriteLineAsync(key);
        return 0;
    }
}
