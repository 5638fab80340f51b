using Xunit;

namespace ContinualService.Deploy.Tests.Kubernetes;

public sealed class KubernetesTests
{
    private const string Folder = "deploy/kubernetes";
    private static readonly Lazy<Task<string>> CpuOverlay = new(() => RenderAsync(Repository.PathOf($"{Folder}/overlays/cpu")));

    [Theory]
    [InlineData("cpu")]
    [InlineData("gpu")]
    public async Task Overlay_AsItIs_HasNoProblem(string overlay) => Assert.Empty(ManifestRules.Problems(await RenderAsync(Repository.PathOf($"{Folder}/overlays/{overlay}"))));

    [Fact]
    public async Task Overlay_Gpu_GivesEachWorkerOneGpuAndOnlyWorkers()
    {
        var workloads = ManifestRules.Workloads(await RenderAsync(Repository.PathOf($"{Folder}/overlays/gpu")));

        var worker = workloads.Single(workload => workload.Name == "worker").Container;
        Assert.Equal("1", worker.Resources.Limits["nvidia.com/gpu"].ToString());
        Assert.Equal("cuda", worker.Env.Single(variable => variable.Name == "Training__Device").Value);
        Assert.StartsWith("continual-service-gpu:", worker.Image, StringComparison.Ordinal);
        Assert.All(workloads.Where(workload => workload.Name != "worker"), workload =>
        {
            Assert.DoesNotContain("nvidia.com/gpu", workload.Container.Resources.Limits.Keys);
            Assert.StartsWith("continual-service:", workload.Container.Image, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task Overlay_Cpu_AsksForNoGpu()
    {
        var workloads = ManifestRules.Workloads(await RenderAsync(Repository.PathOf($"{Folder}/overlays/cpu")));

        Assert.Equal(["api", "prepare", "worker"], workloads.Select(workload => workload.Name).Order());
        Assert.All(workloads, workload => Assert.DoesNotContain("nvidia.com/gpu", workload.Container.Resources.Limits.Keys));
    }

    [Fact]
    public async Task Component_ModelsVolume_MountsTheClaimReadOnlyInApiAndWorker()
    {
        using var scratch = new ScratchFolder();
        // kustomize takes relative paths only.
        string FromScratch(string path) => Path.GetRelativePath(scratch.Path, Repository.PathOf($"{Folder}/{path}"));
        scratch.Write("kustomization.yaml", $"resources: [{FromScratch("overlays/gpu")}]\ncomponents: [{FromScratch("components/models-volume")}]\n");

        var manifests = await RenderAsync(scratch.Path);

        Assert.Empty(ManifestRules.Problems(manifests));
        foreach (var workload in ManifestRules.Workloads(manifests).Where(workload => workload.Kind == "Deployment"))
        {
            Assert.Contains(workload.Pod.Volumes, volume => volume.PersistentVolumeClaim is { ClaimName: "models", ReadOnlyProperty: true });
            Assert.Contains(workload.Container.VolumeMounts, mount => mount is { Name: "models", MountPath: "/models", ReadOnlyProperty: true });
        }
    }

    [Theory]
    [InlineData("revisionHistoryLimit", "revisionHistoryLimits", "'revisionHistoryLimits' not found")]
    [InlineData("kind: ScaledObject", "kind: ScaledObjekt", "ScaledObjekt")]
    [InlineData("pollingInterval", "poolingInterval", "'poolingInterval' not found")]
    [InlineData("namespace: continual-service", "namespace: other", "in no namespace or another one")]
    [InlineData("apiVersion: v1\nkind: Namespace", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: continual-service\n---\napiVersion: v1\nkind: Namespace", "secrets are referred to")]
    [InlineData("serviceAccountName: continual-service", "serviceAccountName: other", "no service account other")]
    [InlineData("automountServiceAccountToken: false", "automountServiceAccountToken: true", "its token is mounted")]
    [InlineData("runAsNonRoot: true", "runAsNonRoot: false", "it may run as root")]
    [InlineData("runAsUser: 1654", "runAsUser: 0", "it may run as root")]
    [InlineData("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "keeps privileges")]
    [InlineData("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "keeps privileges")]
    [InlineData("- ALL", "- NET_RAW", "keeps privileges")]
    [InlineData("image: continual-service:1.0.0", "image: continual-service:latest", "is not pinned")]
    [InlineData("image: continual-service:1.0.0", "image: continual-service", "is not pinned")]
    [InlineData("memory: 8Gi", "hugepages-2Mi: 8Gi", "its memory has no limit")]
    [InlineData("cpu: \"1\"", "hugepages-2Mi: 1Gi", "requests no cpu")]
    [InlineData("mountPath: /tmp", "mountPath: /temp", "/tmp cannot be written")]
    [InlineData("- mountPath: /tmp\n          name: tmp", "- mountPath: /tmp\n          name: temp", "no volume temp")]
    [InlineData("sizeLimit: 20Gi", "medium: Memory", "has no size limit")]
    [InlineData("terminationGracePeriodSeconds: 600", "terminationGracePeriodSeconds: 30", "no time to write its checkpoint")]
    [InlineData("Training__StopSeconds: \"500\"", "Training__StopSeconds: \"3600\"", "no time to write its checkpoint")]
    [InlineData("Training__StopSeconds: \"500\"", "Training__CheckpointSeconds: \"500\"", "no time to write its checkpoint")]
    [InlineData("Storage__S3__Bucket", "Storage__S3__Bukket", "no setting Storage__S3__Bukket")]
    [InlineData("name: Auth__BootstrapKey", "name: Auth__Key", "no setting Auth__Key")]
    [InlineData("key: Storage__S3__SecretKey", "key: s3", "docs/operations.md does not ask for")]
    [InlineData("name: Database__ConnectionString", "name: Data__Root", "Database__ConnectionString is not set")]
    [InlineData("- configMapRef:\n            name: continual-service", "- configMapRef:\n            name: other", "no ConfigMap other")]
    [InlineData("containerPort: 5081", "containerPort: 5080", "it listens on 5081")]
    [InlineData("path: /health/ready", "path: /healthz", "the readiness probe does not ask for /health/ready")]
    [InlineData("path: /health/live", "path: /live", "the liveness probe does not ask for /health/live")]
    [InlineData("port: http", "port: web", "asks the port web")]
    [InlineData("targetPort: http", "targetPort: web", "has no port web")]
    [InlineData("selector:\n    app.kubernetes.io/component: api", "selector:\n    app.kubernetes.io/component: apis", "it selects 0 workloads")]
    [InlineData("selector:\n    app.kubernetes.io/component: api\n", "selector:\n", "it selects 3 workloads")]
    [InlineData("matchLabels:\n      app.kubernetes.io/component: worker", "matchLabels:\n      app.kubernetes.io/component: other", "its selector does not match its pods")]
    [InlineData("kind: PodDisruptionBudget\nmetadata:\n  name: worker", "kind: PodDisruptionBudget\nmetadata:\n  name: api", "occurs twice")]
    [InlineData("minAvailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/component: api", "minAvailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/component: web", "no disruption budget")]
    [InlineData("kind: Deployment\n    name: worker", "kind: Deployment\n    name: workers", "there is no Deployment workers")]
    [InlineData("kind: Deployment\n    name: api", "kind: Deployment\n    name: worker", "not exactly one autoscaler")]
    [InlineData("spec:\n  revisionHistoryLimit: 5", "spec:\n  replicas: 3", "undo the autoscaler's number")]
    [InlineData("max(continual_queue_depth)", "max(continual_queue_size)", "the service exports no continual_queue_size")]
    [InlineData("type: prometheus", "type: prom", "unknown type prom")]
    [InlineData("podSelector: {}", "podSelector:\n    matchLabels:\n      app.kubernetes.io/component: api", "nothing denies")]
    [InlineData("- port: http\n      protocol: TCP", "- port: web\n      protocol: TCP", "has no port web")]
    [InlineData("- port: 5432\n", "- port: 5433\n", "it cannot reach port 5432")]
    [InlineData("- port: 53\n", "- port: 54\n", "it cannot reach port 53")]
    public async Task Overlay_BrokenCopy_IsFound(string text, string broken, string problem)
    {
        var manifests = await CpuOverlay.Value;
        Assert.Contains(text, manifests, StringComparison.Ordinal);

        var found = ManifestRules.Problems(manifests.Replace(text, broken, StringComparison.Ordinal));

        Assert.Contains(found, message => message.Contains(problem, StringComparison.Ordinal));
    }

    [Fact]
    public void Secret_EachKey_IsExplainedToOperators() =>
        Assert.All(ManifestRules.SecretKeys, key => Assert.Contains($"`{key}`", Repository.Read("docs/operations.md"), StringComparison.Ordinal));

    private static async Task<string> RenderAsync(string overlay) => (await Tool.RunAsync(Tool.Find("kubectl"), ["kustomize", overlay])).Succeeded();
}
