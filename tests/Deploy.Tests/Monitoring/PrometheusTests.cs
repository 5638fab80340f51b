using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Deploy.Tests.Monitoring;

public sealed class PrometheusTests
{
    private const string Folder = "deploy/prometheus";
    private static readonly string[] LabelsByKubernetes =
    [
        "__meta_kubernetes_pod_label_app_kubernetes_io_name", "__meta_kubernetes_pod_label_app_kubernetes_io_component",
        "__meta_kubernetes_pod_container_port_name", "__meta_kubernetes_pod_name",
    ];

    [Fact]
    public async Task Config_OfCompose_IsValidToPrometheus() =>
        (await Tool.RunAsync(Tool.Find("promtool"), ["check", "config", "prometheus.yml"], folder: Repository.PathOf(Folder))).Succeeded();

    [Fact]
    public async Task Alerts_OnMadeUpSeries_FireWhenTheyShouldAndOnlyThen() =>
        (await Tool.RunAsync(Tool.Find("promtool"), ["test", "rules", "alerts.test.yml"], folder: Repository.PathOf(Folder))).Succeeded();

    [Theory]
    [InlineData("max(continual_queue_depth) > 0", "max(continual_queue_depth) > 1000")]
    [InlineData("> 3600", "> 36000")]
    [InlineData("increase(continual_lease_lost_total[30m]", "increase(continual_lease_lost_total[30s]")]
    public async Task Alerts_WithABrokenRule_FailTheirTest(string rule, string broken)
    {
        using var scratch = new ScratchFolder();
        scratch.Write("alerts.yml", Replaced(Repository.Read($"{Folder}/alerts.yml"), rule, broken));
        scratch.Write("alerts.test.yml", Repository.Read($"{Folder}/alerts.test.yml"));

        var result = await Tool.RunAsync(Tool.Find("promtool"), ["test", "rules", "alerts.test.yml"], folder: scratch.Path);

        Assert.NotEqual(0, result.Status);
    }

    [Fact]
    public void Alerts_EachOne_HasATestWhereItFires()
    {
        var cases = Array(YamlDocument.Parse(Repository.Read($"{Folder}/alerts.test.yml"))["tests"]).SelectMany(test => Array(test["alert_rule_test"]));

        var fires = cases.Where(expectation => expectation["exp_alerts"] is not null).Select(expectation => Text(expectation["alertname"]));

        Assert.Equal(Rules().Select(rule => Text(rule["alert"])).Order(), fires.Order());
    }

    [Fact]
    public void Alerts_EachOne_IsExplainedToOperators() =>
        Assert.All(Rules(), rule => Assert.Contains($"| {Text(rule["alert"])}", Repository.Read("docs/operations.md"), StringComparison.Ordinal));

    [Fact]
    public void Alerts_EachOne_UsesExportedMetricsAndSaysWhatToDo() => Assert.Empty(AlertProblems(Rules()));

    [Theory]
    [InlineData("continual_queue_depth", "continual_queue_length", "the service exports no continual_queue_length")]
    [InlineData("by (reason)", "by (cause)", "has a label cause")]
    [InlineData("state=\"running\"", "status=\"running\"", "has a label status")]
    [InlineData("continual_tokens_total[15m]", "continual_tokens[15m]", "the service exports no continual_tokens")]
    [InlineData("http_server_request_duration_seconds_bucket", "http_server_request_duration_seconds", "the service exports no http_server_request_duration_seconds")]
    [InlineData("severity: critical", "severity: bad", "severity")]
    [InlineData("description: Clients are refused.", "details: Clients are refused.", "description")]
    public void Alerts_BrokenCopy_IsFound(string text, string broken, string problem)
    {
        var rules = Rules(Replaced(Repository.Read($"{Folder}/alerts.yml"), text, broken));

        Assert.Contains(AlertProblems(rules), found => found.Contains(problem, StringComparison.Ordinal));
    }

    [Fact]
    public void Config_OfCompose_ScrapesTheImagesPorts()
    {
        var jobs = Array(YamlDocument.Parse(Repository.Read($"{Folder}/prometheus.yml"))["scrape_configs"])
            .ToDictionary(job => Text(job["job_name"]), job => Text(Array(job["dns_sd_configs"]).Single()["port"]));

        Assert.Equal(
            new Dictionary<string, string> { ["continual-api"] = $"{ServiceRoutes.ApiPort}", ["continual-worker"] = $"{ServiceRoutes.WorkerPort}" }, jobs);
    }

    // Debian's promtool knows no cluster, so this one is checked here.
    [Fact]
    public void Config_OfKubernetes_NamesTheJobsAsTheAlertsDo()
    {
        var config = YamlDocument.Parse(Repository.Read($"{Folder}/kubernetes.yml")).AsObject();
        var job = Array(config["scrape_configs"]).Single();
        var rules = Array(job["relabel_configs"]).ToList();

        Assert.Equal(["global", "rule_files", "scrape_configs"], config.Select(entry => entry.Key));
        Assert.Equal(["job_name", "kubernetes_sd_configs", "relabel_configs"], job.AsObject().Select(entry => entry.Key));
        Assert.Equal("continual-service", Text(Array(Array(job["kubernetes_sd_configs"]).Single()["namespaces"]!["names"]).Single()));
        Assert.All(rules.SelectMany(rule => Array(rule["source_labels"])), label => Assert.Contains(Text(label), LabelsByKubernetes));
        var keep = rules.Single(rule => rule["action"] is not null);
        Assert.Equal(("keep", "continual-service;(api|worker);http"), (Text(keep["action"]), Text(keep["regex"])));
        Assert.Equal("continual-$1", Text(rules.Single(rule => rule["target_label"]?.GetValue<string>() == "job")["replacement"]));
    }

    private static IEnumerable<string> AlertProblems(IEnumerable<JsonNode> rules)
    {
        foreach (var rule in rules)
        {
            var name = Text(rule["alert"]);
            foreach (var problem in Metrics.Problems(Text(rule["expr"]), name)) yield return problem;
            if (rule["labels"]?["severity"]?.GetValue<string>() is not ("critical" or "warning" or "info"))
                yield return $"{name}: severity is none of critical, warning, info";
            foreach (var key in new[] { "summary", "description" })
                if (rule["annotations"]?[key] is null)
                    yield return $"{name}: no {key}";
        }
    }

    private static List<JsonNode> Rules(string? text = null) =>
        [.. Array(YamlDocument.Parse(text ?? Repository.Read($"{Folder}/alerts.yml"))["groups"]).SelectMany(group => Array(group["rules"]))];

    private static string Replaced(string text, string what, string with)
    {
        Assert.Contains(what, text, StringComparison.Ordinal);
        return text.Replace(what, with, StringComparison.Ordinal);
    }

    private static IEnumerable<JsonNode> Array(JsonNode? node) => node!.AsArray().Select(item => item!);

    private static string Text(JsonNode? node) => node!.GetValue<string>();
}
