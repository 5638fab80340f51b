using System.Diagnostics;
using Xunit;

namespace ContinualService.Deploy.Tests;

/// <summary>A program that checks what this repository deploys.</summary>
internal static class Tool
{
    /// <summary>
    /// The full path of a program in PATH. Where it is absent the calling test is skipped with the reason; in CI (<c>CI=true</c>) it fails
    /// instead, so that a green run never hides a check that did not happen.
    /// </summary>
    public static string Find(string name)
    {
        var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);
        if (found is not null) return found;
        var reason = $"The program {name} is missing. .ci/deploy-tools.sh shows how to get it.";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(reason);
        Assert.Skip(reason);
        return reason;
    }

    /// <summary>Runs a program to its end, in the repository's root unless told otherwise, with nothing in its environment but what is given and PATH.</summary>
    public static async Task<ToolResult> RunAsync(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? folder = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder ?? Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(name => name is not "PATH" and not "HOME").ToList()) start.Environment.Remove(name);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new ToolResult(process.ExitCode, await output, await errors);
    }
}
