using k8s.Models;

namespace ContinualService.Deploy.Tests.Kubernetes;

/// <summary>A manifest that starts pods, with the one container of each.</summary>
internal sealed record Workload(string Kind, string Name, V1LabelSelector? Selector, V1PodTemplateSpec Template)
{
    public V1PodSpec Pod => Template.Spec;

    public V1Container Container => Pod.Containers.Single();

    public IDictionary<string, string> Labels => Template.Metadata.Labels;

    public override string ToString() => $"{Kind} {Name}";

    /// <summary>Whether the selector takes this workload's pods; an empty one takes all.</summary>
    public bool IsTakenBy(V1LabelSelector selector) =>
        IsTakenBy(selector.MatchLabels ?? new Dictionary<string, string>())
        && (selector.MatchExpressions ?? []).All(rule => rule.OperatorProperty == "In" && Labels.TryGetValue(rule.Key, out var value) && rule.Values.Contains(value));

    public bool IsTakenBy(IDictionary<string, string> labels) => labels.All(label => Labels.TryGetValue(label.Key, out var value) && value == label.Value);
}
