using System.Diagnostics;
using ContinualService.TestKit;
using Xunit;

namespace ContinualService.EndToEnd;

/// <summary>deploy/backup.sh of this checkout, run as an operator runs it: with the service's settings in its environment.</summary>
internal sealed class BackupScript(string connectionString, string endpoint, string bucket, string accessKey, string secretKey)
{
    private static readonly string Path = Checkout.PathOf("deploy/backup.sh");

    /// <summary>Folders before those of PATH, for programs in the place of others.</summary>
    public string? FirstPath { get; init; }

    /// <summary>Further variables, for those programs.</summary>
    public Dictionary<string, string> Variables { get; init; } = [];

    /// <summary>Runs the script to its end; the status and all that it printed.</summary>
    public async Task<(int Status, string Printed)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("bash", [Path, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        var settings = new Dictionary<string, string>(Variables)
        {
            ["Database__ConnectionString"] = connectionString,
            ["Storage__S3__Endpoint"] = endpoint,
            ["Storage__S3__Bucket"] = bucket,
            ["Storage__S3__AccessKey"] = accessKey,
            ["Storage__S3__SecretKey"] = secretKey,
        };
        foreach (var (name, value) in settings) start.Environment[name] = value;
        if (FirstPath is not null) start.Environment["PATH"] = $"{FirstPath}:{start.Environment["PATH"]}";
        using var process = Process.Start(start)!;
        var printed = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, string.Concat(printed));
    }

    /// <summary>Runs the script and fails the test unless it succeeds.</summary>
    public async Task<string> SucceedAsync(params string[] arguments)
    {
        var (status, printed) = await RunAsync(arguments);
        Assert.True(status == 0, printed);
        return printed;
    }

    /// <summary>Runs the script and fails the test unless it fails, too.</summary>
    public async Task<string> FailAsync(params string[] arguments)
    {
        var (status, printed) = await RunAsync(arguments);
        Assert.True(status == 1, $"It ended with {status}: {printed}");
        return printed;
    }
}
