using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace ContinualService.Demo;

/// <summary>Draws the accuracy matrix of GET /adapters/{id}/matrix as text: one row a task, one column a version.</summary>
internal static class MatrixView
{
    public static string Draw(JsonNode matrix)
    {
        var tasks = matrix["tasks"]!.AsArray();
        var versions = matrix["versions"]!.AsArray().Select(version => version!.GetValue<int>()).ToList();
        var cells = matrix["cells"]!.AsArray().ToDictionary(
            cell => (cell!["task"]!.GetValue<string>(), cell["version"]!.GetValue<int>()), cell => cell!["score"]!.GetValue<double>());
        var text = new StringBuilder($"    {"score on held-out rows",-26}");
        foreach (var version in versions) text.Append(CultureInfo.InvariantCulture, $"{(version == 0 ? "base" : $"v{version}"),8}");
        text.AppendLine();
        foreach (var task in tasks)
        {
            text.Append(CultureInfo.InvariantCulture, $"    {task!["name"]!.GetValue<string>(),-26}");
            foreach (var version in versions)
            {
                var known = cells.TryGetValue((task["id"]!.GetValue<string>(), version), out var score);
                text.Append(CultureInfo.InvariantCulture, $"{(known ? score.ToString("0.000", CultureInfo.InvariantCulture) : "."),8}");
            }

            text.AppendLine();
        }

        return text.ToString();
    }

    public static string Metric(JsonNode summary, string name) =>
        summary[name] is { } value ? value.GetValue<double>().ToString("+0.000;-0.000;0.000", CultureInfo.InvariantCulture) : "-";
}
