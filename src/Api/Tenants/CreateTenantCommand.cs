using System.Globalization;

namespace ContinualService.Api.Tenants;

/// <summary>The command line <c>create-tenant NAME</c>: the operator's way to a further tenant, also while the service runs.</summary>
internal static class CreateTenantCommand
{
    public const string Name = "create-tenant";
    private const double LargestWeight = 1000;

    /// <summary>Makes the tenant and prints its key, once; returns the exit code.</summary>
    public static async Task<int> RunAsync(IServiceProvider services, string[] args, TextWriter output, TextWriter errors)
    {
        if (args.Length < 2 || args[1].StartsWith('-'))
        {
            await errors.WriteLineAsync("A tenant needs a name: create-tenant NAME [--weight N] [--class NAME] [--Data:Root=DIR]");
            return 2;
        }

        var settings = services.GetRequiredService<IConfiguration>();
        var weight = 1.0;
        if (settings["weight"] is { } text && !(double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out weight) && weight is > 0 and <= LargestWeight))
        {
            await errors.WriteLineAsync($"'{text}' is no weight: send a number above 0 and up to {LargestWeight}; a tenant of weight 2 gets twice the share of the workers.");
            return 2;
        }

        await OperatorCommands.EnsureDatabaseAsync(services);
        await using var scope = services.CreateAsyncScope();
        var key = await scope.ServiceProvider.GetRequiredService<TenantFactory>().CreateAsync(args[1], weight, settings["class"], CancellationToken.None);
        if (key is null)
        {
            await errors.WriteLineAsync($"There is a tenant named '{args[1]}' already; choose another name.");
            return 1;
        }

        await errors.WriteLineAsync($"Tenant '{args[1]}' is made. Its key follows and is not shown again:");
        await output.WriteLineAsync(key);
        return 0;
    }
}
