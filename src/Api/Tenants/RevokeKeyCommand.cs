namespace ContinualService.Api.Tenants;

/// <summary>The command line <c>revoke-key KEY_ID</c>: ends a key at once, also while the service runs.</summary>
internal static class RevokeKeyCommand
{
    public const string Name = "revoke-key";

    /// <summary>Revokes the key; safe to repeat. Returns the exit code.</summary>
    public static async Task<int> RunAsync(IServiceProvider services, string[] args, TextWriter output, TextWriter errors)
    {
        if (args.Length < 2 || args[1].StartsWith('-'))
        {
            await errors.WriteLineAsync("Which key? revoke-key KEY_ID; list-keys TENANT shows the ids.");
            return 2;
        }

        await OperatorCommands.EnsureDatabaseAsync(services);
        await using var scope = services.CreateAsyncScope();
        if (await scope.ServiceProvider.GetRequiredService<TenantKeys>().RevokeAsync(args[1], CancellationToken.None) is not var (row, left))
        {
            await errors.WriteLineAsync($"There is no key with the id '{args[1]}'; list-keys TENANT shows the ids.");
            return 1;
        }

        await output.WriteLineAsync($"Key {row.Id} is revoked.");
        if (left == 0) await errors.WriteLineAsync($"The tenant has no good key left: create-key {row.TenantId} makes one.");
        return 0;
    }
}
