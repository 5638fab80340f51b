using System.Globalization;
using ContinualService.Deploy.Tests.Monitoring;
using k8s;
using k8s.Models;

namespace ContinualService.Deploy.Tests.Kubernetes;

/// <summary>What must hold in a rendered overlay. Each rule reports what is wrong as one message; together they give every message.</summary>
internal sealed class ManifestRules
{
    /// <summary>Of the Secret that the operator makes.</summary>
    public static readonly string[] SecretKeys =
        ["Database__ConnectionString", "Storage__S3__AccessKey", "Storage__S3__SecretKey", "Auth__BootstrapKey", "Operator__Key"];

    private const string Namespace = "continual-service";
    private const string SecretName = "continual-service";
    private static readonly Dictionary<string, Type> FurtherKinds = new() { ["keda.sh/v1alpha1/ScaledObject"] = typeof(ScaledObject) };

    private readonly List<object> _objects;

    private ManifestRules(List<object> objects) => _objects = objects;

    /// <summary>What is wrong with the manifests; empty when they are right.</summary>
    public static List<string> Problems(string manifests)
    {
        List<object> objects;
        try
        {
            // Strict: a key that the kind does not have is an error.
            objects = KubernetesYaml.LoadAllFromString(manifests, FurtherKinds, strict: true);
        }
        catch (Exception fault) when (fault is YamlDotNet.Core.YamlException or FormatException or KeyNotFoundException)
        {
            return [fault.GetBaseException().Message];
        }

        var rules = new ManifestRules(objects);
        return [.. rules.Objects(), .. rules.Pods(), .. rules.Environment(), .. rules.Probes(), .. rules.Selectors(), .. rules.Scaling(), .. rules.Network()];
    }

    public static List<Workload> Workloads(string manifests) =>
        new ManifestRules(KubernetesYaml.LoadAllFromString(manifests, FurtherKinds, strict: true)).Workloads();

    private List<Workload> Workloads() =>
    [
        .. All<V1Deployment>().Select(item => new Workload("Deployment", item.Metadata.Name, item.Spec.Selector, item.Spec.Template)),
        .. All<V1Job>().Select(item => new Workload("Job", item.Metadata.Name, null, item.Spec.Template)),
    ];

    private IEnumerable<string> Objects()
    {
        foreach (var item in _objects.Cast<IKubernetesObject<V1ObjectMeta>>())
        {
            if (item is not V1Namespace && item.Metadata.NamespaceProperty != Namespace)
                yield return $"{item.Kind} {item.Metadata.Name}: it is in no namespace or another one";
            if (item is V1Secret) yield return $"Secret {item.Metadata.Name}: secrets are referred to, never written here";
        }

        foreach (var twice in _objects.Cast<IKubernetesObject<V1ObjectMeta>>().GroupBy(item => (item.Kind, item.Metadata.Name)).Where(group => group.Count() > 1))
            yield return $"{twice.Key} occurs twice";
        foreach (var account in All<V1ServiceAccount>().Where(account => account.AutomountServiceAccountToken != false))
            yield return $"ServiceAccount {account.Metadata.Name}: its token is mounted";
    }

    private IEnumerable<string> Pods()
    {
        foreach (var workload in Workloads())
        {
            var (pod, container) = (workload.Pod, workload.Container);
            if (All<V1ServiceAccount>().All(account => account.Metadata.Name != pod.ServiceAccountName))
                yield return $"{workload}: no service account {pod.ServiceAccountName}";
            if (pod.AutomountServiceAccountToken != false) yield return $"{workload}: a token of the cluster's API is mounted";
            if (pod.SecurityContext is not { RunAsNonRoot: true, RunAsUser: > 0, RunAsGroup: > 0, FsGroup: > 0, SeccompProfile.Type: "RuntimeDefault" })
                yield return $"{workload}: it may run as root or without the seccomp profile";
            if (container.SecurityContext is not { AllowPrivilegeEscalation: false, ReadOnlyRootFilesystem: true } security || security.Capabilities?.Drop is not ["ALL"])
                yield return $"{workload}: the container keeps privileges or a root file system it can write";
            if (container.Image.Split(':') is not [_, var tag] || tag is "latest" or "")
                yield return $"{workload}: the image {container.Image} is not pinned";
            foreach (var resource in new[] { "cpu", "memory" })
                if (container.Resources?.Requests?.ContainsKey(resource) != true)
                    yield return $"{workload}: it requests no {resource}";
            if (container.Resources?.Limits?.ContainsKey("memory") != true) yield return $"{workload}: its memory has no limit";
            var volumes = pod.Volumes.Select(volume => volume.Name).ToHashSet();
            foreach (var mount in container.VolumeMounts.Where(mount => !volumes.Contains(mount.Name))) yield return $"{workload}: no volume {mount.Name}";
            foreach (var volume in volumes.Except(container.VolumeMounts.Select(mount => mount.Name))) yield return $"{workload}: the volume {volume} is mounted nowhere";
            foreach (var volume in pod.Volumes.Where(volume => volume.EmptyDir is { SizeLimit: null })) yield return $"{workload}: the volume {volume.Name} has no size limit";
            foreach (var needed in new[] { "/data", "/tmp" })
                if (container.VolumeMounts.All(mount => mount.MountPath != needed))
                    yield return $"{workload}: {needed} cannot be written";
            var stopSeconds = All<V1ConfigMap>().Select(map => map.Data.TryGetValue("Training__StopSeconds", out var value) ? int.Parse(value, CultureInfo.InvariantCulture) : 0).Sum();
            if (workload.Name == "worker" && (stopSeconds < 300 || pod.TerminationGracePeriodSeconds < stopSeconds + ServiceRoutes.AfterStopSeconds))
                yield return $"{workload}: a stopping worker has no time to write its checkpoint";
        }
    }

    private IEnumerable<string> Environment()
    {
        var maps = All<V1ConfigMap>().ToDictionary(map => map.Metadata.Name);
        foreach (var map in maps.Values)
            foreach (var problem in ServiceSettings.Problems(map.Data.Keys, $"ConfigMap {map.Metadata.Name}"))
                yield return problem;
        foreach (var workload in Workloads())
        {
            var environment = workload.Container.Env ?? [];
            foreach (var problem in ServiceSettings.Problems(environment.Select(variable => variable.Name), workload.ToString())) yield return problem;
            foreach (var source in workload.Container.EnvFrom ?? [])
                if (!maps.ContainsKey(source.ConfigMapRef?.Name ?? ""))
                    yield return $"{workload}: no ConfigMap {source.ConfigMapRef?.Name}";
            foreach (var variable in environment)
            {
                if (SecretKeys.Contains(variable.Name) && variable.ValueFrom?.SecretKeyRef is null)
                    yield return $"{workload}: the secret {variable.Name} is written out";
                if (variable.ValueFrom?.SecretKeyRef is { } reference && (reference.Name != SecretName || !SecretKeys.Contains(reference.Key) || reference.Optional == true))
                    yield return $"{workload}: {variable.Name} comes from {reference.Name}/{reference.Key}, which docs/operations.md does not ask for";
            }

            var given = environment.Select(variable => variable.Name).Concat(maps.Values.SelectMany(map => map.Data.Keys)).ToHashSet();
            foreach (var needed in SecretKeys.Take(3).Append("Database__Provider").Append("Storage__Provider").Append("Storage__S3__Endpoint").Append("Storage__S3__Bucket"))
                if (!given.Contains(needed))
                    yield return $"{workload}: {needed} is not set";
        }
    }

    private IEnumerable<string> Probes()
    {
        foreach (var workload in Workloads())
        {
            var container = workload.Container;
            var port = ServiceRoutes.PortOf(container.Args);
            if (port is null) continue;
            var ports = container.Ports ?? [];
            if (ports.Select(item => (item.Name, item.ContainerPort)).SingleOrDefault() != ("http", port.Value))
                yield return $"{workload}: it listens on {port}, which is not its port http";
            var probes = new[]
            {
                ("startup", container.StartupProbe, ServiceRoutes.Live),
                ("liveness", container.LivenessProbe, ServiceRoutes.Live),
                ("readiness", container.ReadinessProbe, ServiceRoutes.Ready),
            };
            foreach (var (name, probe, path) in probes)
            {
                if (probe?.HttpGet?.Path != path) yield return $"{workload}: the {name} probe does not ask for {path}";
                if (probe?.HttpGet?.Port?.Value is { } asked && ports.All(item => item.Name != asked))
                    yield return $"{workload}: the {name} probe asks the port {asked}, which it has not";
            }
        }
    }

    private IEnumerable<string> Selectors()
    {
        var workloads = Workloads();
        foreach (var workload in workloads.Where(workload => workload.Selector is not null && !workload.IsTakenBy(workload.Selector)))
            yield return $"{workload}: its selector does not match its pods";
        foreach (var service in All<V1Service>())
        {
            var taken = workloads.Where(workload => workload.IsTakenBy(service.Spec.Selector)).ToList();
            if (taken.Count != 1) yield return $"Service {service.Metadata.Name}: it selects {taken.Count} workloads";
            foreach (var port in service.Spec.Ports)
                foreach (var workload in taken.Where(workload => (workload.Container.Ports ?? []).All(own => own.Name != port.TargetPort?.Value)))
                    yield return $"Service {service.Metadata.Name}: {workload} has no port {port.TargetPort?.Value}";
        }

        foreach (var budget in All<V1PodDisruptionBudget>())
            if (workloads.Count(workload => workload.IsTakenBy(budget.Spec.Selector)) != 1)
                yield return $"PodDisruptionBudget {budget.Metadata.Name}: it selects not exactly one workload";
        foreach (var workload in workloads.Where(workload => workload.Kind == "Deployment"))
            if (All<V1PodDisruptionBudget>().All(budget => !workload.IsTakenBy(budget.Spec.Selector)))
                yield return $"{workload}: no disruption budget";
    }

    private IEnumerable<string> Scaling()
    {
        var targets = All<V2HorizontalPodAutoscaler>().Select(scaler => (Name: $"HorizontalPodAutoscaler {scaler.Metadata.Name}", Target: scaler.Spec.ScaleTargetRef))
            .Concat(All<ScaledObject>().Select(scaler => (Name: $"ScaledObject {scaler.Metadata.Name}", Target: scaler.Spec.ScaleTargetRef))).ToList();
        foreach (var (name, target) in targets)
            if (target is not { Kind: "Deployment", ApiVersion: "apps/v1" } || All<V1Deployment>().All(item => item.Metadata.Name != target.Name))
                yield return $"{name}: there is no {target.Kind} {target.Name}";
        foreach (var deployment in All<V1Deployment>())
        {
            if (targets.Count(item => item.Target.Name == deployment.Metadata.Name) != 1)
                yield return $"Deployment {deployment.Metadata.Name}: not exactly one autoscaler";
            if (deployment.Spec.Replicas is not null)
                yield return $"Deployment {deployment.Metadata.Name}: every apply would undo the autoscaler's number of replicas";
        }

        foreach (var trigger in All<ScaledObject>().SelectMany(scaler => scaler.Spec.Triggers))
        {
            if (trigger.Type != "prometheus") yield return $"ScaledObject: the trigger is of the unknown type {trigger.Type}";
            foreach (var problem in Metrics.Problems(trigger.Metadata.Query, "ScaledObject")) yield return problem;
        }
    }

    private IEnumerable<string> Network()
    {
        var policies = All<V1NetworkPolicy>().ToList();
        if (!policies.Any(policy => IsEmpty(policy.Spec.PodSelector) && policy.Spec is { Ingress: null, Egress: null } && policy.Spec.PolicyTypes is ["Ingress", "Egress"]))
            yield return "NetworkPolicy: nothing denies what is not allowed";
        foreach (var policy in policies.Where(policy => policy.Spec.Ingress is not null || policy.Spec.Egress is not null))
        {
            var taken = Workloads().Where(workload => workload.IsTakenBy(policy.Spec.PodSelector)).ToList();
            if (taken.Count == 0) yield return $"NetworkPolicy {policy.Metadata.Name}: it selects nothing";
            foreach (var rule in policy.Spec.Ingress ?? [])
            {
                if (rule.FromProperty is not { Count: > 0 } || rule.Ports is not { Count: > 0 })
                    yield return $"NetworkPolicy {policy.Metadata.Name}: it lets in everyone or everywhere";
                foreach (var port in (rule.Ports ?? []).Select(port => port.Port.Value))
                    foreach (var workload in taken.Where(workload => (workload.Container.Ports ?? []).All(own => own.Name != port)))
                        yield return $"NetworkPolicy {policy.Metadata.Name}: {workload} has no port {port}";
            }

            foreach (var rule in policy.Spec.Egress ?? [])
                if (rule.To is not { Count: > 0 } || rule.Ports is not { Count: > 0 })
                    yield return $"NetworkPolicy {policy.Metadata.Name}: it lets out to everyone or everywhere";
        }

        foreach (var workload in Workloads())
            foreach (var port in new[] { "53", "5432", "443" })
                if (!policies.Any(policy => workload.IsTakenBy(policy.Spec.PodSelector)
                    && (policy.Spec.Egress ?? []).SelectMany(rule => rule.Ports ?? []).Any(allowed => allowed.Port.Value == port)))
                    yield return $"{workload}: it cannot reach port {port}";
    }

    private static bool IsEmpty(V1LabelSelector selector) => selector is { MatchLabels: null or { Count: 0 }, MatchExpressions: null or { Count: 0 } };

    private IEnumerable<T> All<T>() => _objects.OfType<T>();
}
