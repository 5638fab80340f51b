using ContinualService.Worker.Upkeep;

namespace ContinualService.Api.Objects;

/// <summary>The command line <c>collect [--dry-run]</c>: one pass of the collector now, also while the service runs.</summary>
internal static class CollectCommand
{
    public const string Name = "collect";
    public const string DryRun = "--dry-run";

    /// <summary>Prints a line for each object that is, or with <c>--dry-run</c> would be, deleted, and a sum. Returns the exit code: 1 where an object could not be deleted.</summary>
    public static async Task<int> RunAsync(IServiceProvider services, string[] args, TextWriter output)
    {
        await OperatorCommands.EnsureDatabaseAsync(services);
        var dryRun = args.Contains(DryRun);
        var verb = dryRun ? "would delete" : "deleted";
        var report = await services.GetRequiredService<ObjectCollector>().CollectAsync(
            dryRun,
            found => output.WriteLine(FormattableString.Invariant($"{verb} {found.Sha256}  {found.SizeBytes} bytes  of {found.LastModified:yyyy-MM-dd HH:mm:ss}Z")),
            CancellationToken.None);
        await output.WriteLineAsync(FormattableString.Invariant(
            $"{report.Listed} objects ({report.ListedBytes} bytes) in the store; {verb} {report.Collected} that no row names ({report.CollectedBytes} bytes); {report.Failed} could not be deleted."));
        return report.Failed == 0 ? 0 : 1;
    }
}
