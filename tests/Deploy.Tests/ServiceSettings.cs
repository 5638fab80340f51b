using System.Text.RegularExpressions;

namespace ContinualService.Deploy.Tests;

/// <summary>The names under which the service reads its environment: every key of docs/configuration.md, and a few of the runtime's own.</summary>
internal static partial class ServiceSettings
{
    private static readonly string[] OfTheRuntime = ["ASPNETCORE_HTTP_PORTS", "DOTNET_EnableDiagnostics"];

    private static readonly HashSet<string> Known =
        [.. OfTheRuntime, .. KeyRow().Matches(Repository.Read("docs/configuration.md")).Select(row => row.Groups[1].Value.Replace(":", "__", StringComparison.Ordinal))];

    /// <summary>One message for each name that the service does not read.</summary>
    public static IEnumerable<string> Problems(IEnumerable<string> names, string where) =>
        names.Where(name => !Known.Contains(name)).Select(name => $"{where}: the service has no setting {name}");

    [GeneratedRegex("^\\| `([A-Za-z0-9:]+)` \\|", RegexOptions.Multiline)]
    private static partial Regex KeyRow();
}
