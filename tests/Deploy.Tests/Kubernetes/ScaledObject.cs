using k8s;
using k8s.Models;

namespace ContinualService.Deploy.Tests.Kubernetes;

/// <summary>KEDA's ScaledObject, as far as this repository uses it; anything else in a manifest is an error.</summary>
internal sealed class ScaledObject : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public V1ObjectMeta Metadata { get; set; } = new();

    public ScaledObjectSpec Spec { get; set; } = new();
}

internal sealed class ScaledObjectSpec
{
    public V2CrossVersionObjectReference ScaleTargetRef { get; set; } = new();

    public int PollingInterval { get; set; }

    public int CooldownPeriod { get; set; }

    public int MinReplicaCount { get; set; }

    public int MaxReplicaCount { get; set; }

    public ScaledObjectFallback Fallback { get; set; } = new();

    public ScaledObjectAdvanced Advanced { get; set; } = new();

    public IList<ScaledObjectTrigger> Triggers { get; set; } = [];
}

internal sealed class ScaledObjectFallback
{
    public int FailureThreshold { get; set; }

    public int Replicas { get; set; }
}

internal sealed class ScaledObjectAdvanced
{
    public ScaledObjectAutoscaler HorizontalPodAutoscalerConfig { get; set; } = new();
}

internal sealed class ScaledObjectAutoscaler
{
    public V2HorizontalPodAutoscalerBehavior Behavior { get; set; } = new();
}

internal sealed class ScaledObjectTrigger
{
    public string Type { get; set; } = "";

    /// <summary>Of the prometheus scaler; KEDA takes strings only.</summary>
    public ScaledObjectPrometheus Metadata { get; set; } = new();
}

internal sealed class ScaledObjectPrometheus
{
    public string ServerAddress { get; set; } = "";

    public string Query { get; set; } = "";

    public string Threshold { get; set; } = "";

    public string IgnoreNullValues { get; set; } = "";
}
