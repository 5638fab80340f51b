using ContinualService.Api.Objects;
using ContinualService.Api.Tenants;
using ContinualService.Infrastructure.Database;
using Microsoft.Extensions.Options;

namespace ContinualService.Api;

/// <summary>The words that the program takes instead of serving.</summary>
internal static class OperatorCommands
{
    /// <summary>Runs the command that the arguments begin with and returns its exit code; null where they begin with none.</summary>
    public static async Task<int?> RunAsync(IServiceProvider services, string[] args, TextWriter output, TextWriter errors)
    {
        try
        {
            return args switch
            {
                [PrepareCommand.Name, ..] => await PrepareCommand.RunAsync(services, output),
                [CreateTenantCommand.Name, ..] => await CreateTenantCommand.RunAsync(services, args, output, errors),
                [CreateKeyCommand.Name, ..] => await CreateKeyCommand.RunAsync(services, args, output, errors),
                [ListKeysCommand.Name, ..] => await ListKeysCommand.RunAsync(services, args, output, errors),
                [RevokeKeyCommand.Name, ..] => await RevokeKeyCommand.RunAsync(services, args, output, errors),
                [CollectCommand.Name, ..] => await CollectCommand.RunAsync(services, args, output),
                [VerifyCommand.Name, ..] => await VerifyCommand.RunAsync(services, output),
                _ => null,
            };
        }
        catch (Exception fault) when (fault is OptionsValidationException or IOException)
        {
            await errors.WriteLineAsync($"'{args[0]}' did not come to its end: {fault.Message} docs/configuration.md lists every setting.");
            return 2;
        }
    }

    /// <summary>The arguments that are settings: flags of the commands have no value, and the host would take the next argument for it.</summary>
    public static string[] Settings(string[] args) => [.. args.Where(argument => argument != CollectCommand.DryRun)];

    /// <summary>No host is started for a command, so nothing else has looked whether the database is up to date.</summary>
    public static Task EnsureDatabaseAsync(IServiceProvider services) => services.GetRequiredService<DatabaseMigrator>().StartingAsync(CancellationToken.None);
}
