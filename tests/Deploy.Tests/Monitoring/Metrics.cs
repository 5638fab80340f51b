using System.Text.RegularExpressions;

namespace ContinualService.Deploy.Tests.Monitoring;

/// <summary>The metrics that the service exports, with their labels, and a check of the expressions that use them.</summary>
internal static partial class Metrics
{
    private static readonly string[] OfPrometheus = ["job", "instance", "le"];
    private static readonly string[] Suffixes = ["_bucket", "_sum", "_count"];

    private static readonly Dictionary<string, string[]> Plain = new()
    {
        ["continual_tasks"] = ["state", "tenant_class"],
        ["continual_queue_depth"] = [],
        ["continual_queue_oldest_age_seconds"] = [],
        ["continual_workers"] = ["state"],
        ["continual_last_merge_forgetting"] = ["tenant_class"],
        ["continual_tokens_total"] = [],
        ["continual_run_failures_total"] = ["reason"],
        ["continual_lease_lost_total"] = [],
        ["continual_object_store_errors_total"] = [],
        ["up"] = [],
    };

    private static readonly Dictionary<string, string[]> Histograms = new()
    {
        ["continual_task_duration_seconds"] = ["outcome"],
        ["continual_step_duration_seconds"] = [],
        ["continual_merge_duration_seconds"] = [],
        ["continual_version_size_bytes"] = [],
        ["http_server_request_duration_seconds"] = ["http_request_method", "http_response_status_code", "http_route"],
    };

    /// <summary>Every metric's name without the suffixes of a histogram's series.</summary>
    public static IEnumerable<string> Names => Plain.Keys.Concat(Histograms.Keys);

    /// <summary>The names, without suffixes, of the metrics in an expression.</summary>
    public static IEnumerable<string> UsedIn(string expression) =>
        NamesIn(expression).Select(WithoutSuffix).Distinct();

    /// <summary>One message for each metric that the service does not export and each label that none of the expression's metrics has.</summary>
    public static IEnumerable<string> Problems(string expression, string where)
    {
        var labels = new HashSet<string>(OfPrometheus);
        foreach (var name in NamesIn(expression))
        {
            if (Plain.TryGetValue(name, out var own) || (name != WithoutSuffix(name) && Histograms.TryGetValue(WithoutSuffix(name), out own))) labels.UnionWith(own);
            else yield return $"{where}: the service exports no {name}";
        }

        var used = Selector().Matches(expression).SelectMany(match => LabelName().Matches(match.Groups[1].Value)).Select(match => match.Groups[1].Value)
            .Concat(Grouping().Matches(expression).SelectMany(match => match.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)));
        foreach (var label in used.Distinct())
            if (!labels.Contains(label))
                yield return $"{where}: none of the metrics in '{expression}' has a label {label}";
    }

    // What follows "by" are labels, which may look like metrics.
    private static IEnumerable<string> NamesIn(string expression) => Name().Matches(Grouping().Replace(expression, "")).Select(match => match.Value);

    private static string WithoutSuffix(string name)
    {
        var suffix = Suffixes.FirstOrDefault(suffix => name.EndsWith(suffix, StringComparison.Ordinal));
        return suffix is null ? name : name[..^suffix.Length];
    }

    [GeneratedRegex("\\b(?:continual|http)_[a-z_]+(?=[{\\[)\\s]|$)|\\bup(?=\\{)")]
    private static partial Regex Name();

    [GeneratedRegex("\\{([^{}]*=[^{}]*)\\}")]
    private static partial Regex Selector();

    [GeneratedRegex("(\\w+)\\s*(?:=~|!~|!=|=)\\s*\"")]
    private static partial Regex LabelName();

    [GeneratedRegex("\\b(?:by|on|without|ignoring)\\s*\\(([^)]*)\\)")]
    private static partial Regex Grouping();
}
