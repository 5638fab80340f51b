using ContinualService.Worker.Upkeep;

namespace ContinualService.Api.Objects;

/// <summary>The command line <c>verify</c>: are all objects that the database names there and whole? Run it after a restore.</summary>
internal static class VerifyCommand
{
    public const string Name = "verify";

    /// <summary>Prints each missing or altered object with who names it, and a sum. Returns the exit code: 1 where there is one.</summary>
    public static async Task<int> RunAsync(IServiceProvider services, TextWriter output)
    {
        await OperatorCommands.EnsureDatabaseAsync(services);
        var report = await services.GetRequiredService<ObjectVerifier>().VerifyAsync(
            (fault, namers) =>
            {
                output.WriteLine(fault);
                foreach (var namer in namers) output.WriteLine("  " + namer);
            },
            CancellationToken.None);
        await output.WriteLineAsync(FormattableString.Invariant($"{report.Objects} named objects, {report.Bytes} bytes read; {report.Damaged} missing or altered."));
        return report.Damaged == 0 ? 0 : 1;
    }
}
