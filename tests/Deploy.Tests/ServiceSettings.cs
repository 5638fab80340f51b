using System.Text.RegularExpressions;

namespace ContinualService.Deploy.Tests;

/// <summary>
/// The names under which the service reads its environment: every property of its options classes (each says "Section X" of itself), the keys
/// of ASP.NET Core that docs/configuration.md lists, and a few variables of the runtime.
/// </summary>
internal static partial class ServiceSettings
{
    private static readonly string[] OfTheRuntime = ["ASPNETCORE_HTTP_PORTS", "DOTNET_EnableDiagnostics"];

    private static readonly HashSet<string> Known =
    [
        .. OfTheRuntime,
        .. Directory.EnumerateFiles(Repository.PathOf("src"), "*.cs", SearchOption.AllDirectories).Where(IsOptionsClass).SelectMany(file => KeysOf(File.ReadAllText(file))),
        .. LoggingRow().Matches(Repository.Read("docs/configuration.md")).Select(row => EnvironmentName(row.Groups[1].Value)),
    ];

    /// <summary>One message for each name that the service does not read.</summary>
    public static IEnumerable<string> Problems(IEnumerable<string> names, string where) =>
        names.Where(name => !Known.Contains(name)).Select(name => $"{where}: the service has no setting {name}");

    private static bool IsOptionsClass(string file) =>
        file.EndsWith("Options.cs", StringComparison.Ordinal) || file.EndsWith("Settings.cs", StringComparison.Ordinal);

    private static IEnumerable<string> KeysOf(string source)
    {
        var section = Section().Match(source);
        return section.Success ? Property().Matches(source).Select(property => EnvironmentName($"{section.Groups[1].Value}:{property.Groups[1].Value}")) : [];
    }

    private static string EnvironmentName(string key) => key.Replace(":", "__", StringComparison.Ordinal);

    [GeneratedRegex("/// (?:<summary>)?(?:The s|S)ection (?:<c>|\")([A-Za-z0-9:]+)(?:</c>|\")")]
    private static partial Regex Section();

    [GeneratedRegex("public [A-Za-z0-9?<>]+ ([A-Z][A-Za-z0-9]*) \\{ get; set; \\}")]
    private static partial Regex Property();

    [GeneratedRegex("^\\| `(Logging:[A-Za-z:]+)` \\|", RegexOptions.Multiline)]
    private static partial Regex LoggingRow();
}
