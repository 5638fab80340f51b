using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.Options;

namespace ContinualService.Api;

/// <summary>What the host does unless told otherwise.</summary>
internal static class Hosting
{
    private static readonly string[] Talkative = ["Microsoft.AspNetCore", "Microsoft.EntityFrameworkCore", "Hangfire"];

    private const string Loopback = "http://127.0.0.1:5080";

    /// <summary>Says what the service does, not every statement that it sends to the database; any setting of the operator's wins.</summary>
    public static WebApplicationBuilder LogQuietlyByDefault(this WebApplicationBuilder builder)
    {
        var levels = Talkative.Select(category => KeyValuePair.Create($"Logging:LogLevel:{category}", (string?)nameof(LogLevel.Warning)));
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = levels });
        return builder;
    }

    /// <summary>Without an address of the operator's (--urls, ASPNETCORE_URLS, Kestrel:Endpoints) only this machine is served.</summary>
    public static WebApplicationBuilder ListenOnLoopbackByDefault(this WebApplicationBuilder builder)
    {
        var configured = builder.Configuration["urls"] ?? builder.Configuration["http_ports"] ?? builder.Configuration["https_ports"];
        if (configured is null && !builder.Configuration.GetSection("Kestrel:Endpoints").Exists()) builder.WebHost.UseUrls(Loopback);
        return builder;
    }

    /// <summary>
    /// Runs until the host is told to stop. What an operator can mend (a setting out of range, an address or a data folder in use) ends the process
    /// with its message and status 2 instead of a stack trace.
    /// </summary>
    public static async Task<int> RunToTheEndAsync(this WebApplication app)
    {
        try
        {
            await app.RunAsync();
            return 0;
        }
        catch (Exception fault) when (fault is OptionsValidationException or IOException)
        {
            await Console.Error.WriteLineAsync($"The service cannot start: {fault.Message} docs/configuration.md lists every setting.");
            return 2;
        }
    }
}
