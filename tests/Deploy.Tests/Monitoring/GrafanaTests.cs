using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Deploy.Tests.Monitoring;

public sealed class GrafanaTests
{
    private const int GridWidth = 24;
    private static readonly string[] Dashboards =
        [.. Directory.GetFiles(Repository.PathOf("deploy/grafana/dashboards")).Select(file => File.ReadAllText(file))];

    [Fact]
    public void Dashboards_AsTheyAre_HaveNoProblem() => Assert.Empty(Dashboards.SelectMany(Problems));

    [Fact]
    public void Dashboards_Together_ShowEveryMetric()
    {
        var shown = Dashboards.SelectMany(Expressions).SelectMany(Metrics.UsedIn).ToHashSet();

        Assert.Equal(Metrics.Names.Order(), shown.Intersect(Metrics.Names).Order());
    }

    [Theory]
    [InlineData("max(continual_queue_depth)", "max(continual_queue)", "the service exports no continual_queue")]
    [InlineData("{{reason}}", "{{cause}}", "legend asks for the label cause")]
    [InlineData("\"uid\": \"prometheus\"", "\"uid\": \"other\"", "data source other")]
    [InlineData("\"id\": 3,", "\"id\": 2,", "id 2 occurs twice")]
    [InlineData("\"x\": 8,", "\"x\": 7,", "overlap")]
    [InlineData("\"description\": \"One optimizer update.\",", "", "no description")]
    public void Dashboards_BrokenCopy_IsFound(string text, string broken, string problem)
    {
        Assert.Contains(text, Dashboards[0], StringComparison.Ordinal);

        var found = Problems(Dashboards[0].Replace(text, broken, StringComparison.Ordinal));

        Assert.Contains(found, message => message.Contains(problem, StringComparison.Ordinal));
    }

    [Fact]
    public void Provisioning_OfTheDashboards_ReadsTheFolderThatComposeMounts()
    {
        var provider = YamlDocument.Parse(Repository.Read("deploy/grafana/provisioning/dashboards/continual-service.yml"))["providers"]!.AsArray().Single()!;
        var mounts = YamlDocument.Parse(Repository.Read("docker-compose.yml"))["services"]!["grafana"]!["volumes"]!.AsArray().Select(mount => mount!.GetValue<string>());

        Assert.Contains($"./deploy/grafana/dashboards:{provider["options"]!["path"]}:ro", mounts);
    }

    private static List<string> Problems(string json)
    {
        var problems = new List<string>();
        var dashboard = JsonNode.Parse(json)!;
        var panels = dashboard["panels"]!.AsArray().Select(panel => panel!).ToList();
        var source = YamlDocument.Parse(Repository.Read("deploy/grafana/provisioning/datasources/prometheus.yml"))["datasources"]!.AsArray().Single()!["uid"]!.GetValue<string>();

        problems.AddRange(panels.GroupBy(panel => (int)panel["id"]!).Where(group => group.Count() > 1).Select(group => $"id {group.Key} occurs twice"));
        foreach (var (panel, index) in panels.Select((panel, index) => (panel, index)))
        {
            var title = panel["title"]!.GetValue<string>();
            var (x, y, width, height) = Place(panel);
            if (x < 0 || x + width > GridWidth) problems.Add($"{title}: it leaves the grid");
            foreach (var other in panels.Take(index))
            {
                var (otherX, otherY, otherWidth, otherHeight) = Place(other);
                if (x < otherX + otherWidth && otherX < x + width && y < otherY + otherHeight && otherY < y + height) problems.Add($"{title} and {other["title"]} overlap");
            }

            if (panel["type"]!.GetValue<string>() == "row") continue;
            if (panel["description"] is null) problems.Add($"{title}: no description");
            if (panel["fieldConfig"]?["defaults"]?["unit"] is null) problems.Add($"{title}: no unit");
            foreach (var target in panel["targets"]!.AsArray().Select(target => target!))
            {
                var expression = target["expr"]!.GetValue<string>();
                problems.AddRange(Metrics.Problems(expression, title));
                foreach (var uid in new[] { panel, target }.Select(part => part["datasource"]!["uid"]!.GetValue<string>()))
                    if (uid != source)
                        problems.Add($"{title}: data source {uid} is not provisioned");
                var legend = target["legendFormat"]!.GetValue<string>();
                foreach (var label in legend.Split("{{").Skip(1).Select(part => part[..part.IndexOf("}}", StringComparison.Ordinal)]))
                    if (!expression.Contains(label, StringComparison.Ordinal))
                        problems.Add($"{title}: the legend asks for the label {label}, which '{expression}' does not keep");
            }
        }

        return problems;
    }

    private static (int X, int Y, int Width, int Height) Place(JsonNode panel)
    {
        var place = panel["gridPos"]!;
        return ((int)place["x"]!, (int)place["y"]!, (int)place["w"]!, (int)place["h"]!);
    }

    private static IEnumerable<string> Expressions(string json) => JsonNode.Parse(json)!["panels"]!.AsArray()
        .SelectMany(panel => panel!["targets"]?.AsArray() ?? []).Select(target => target!["expr"]!.GetValue<string>());
}
