using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Tenants;

namespace ContinualService.Bench.Lists;

/// <summary>Every route that answers with a list. A large tenant asks more often than a small one; cursors point anywhere into its list.</summary>
internal sealed class ListRoutes(SampleService service)
{
    private const int LongestMatrix = 25;

    public static ListRoute Floor { get; } = new("GET /health/live (floor)", _ => new Target("/health/live", null), IsFloor: true);

    public IReadOnlyList<ListRoute> All() =>
    [
        Floor,
        Of("GET /tasks", (_, _) => "/tasks"),
        Of("GET /tasks?limit=100", (_, _) => "/tasks?limit=100"),
        Of("GET /tasks?cursor", (tenant, random) => $"/tasks?cursor={AnyTask(tenant, random).Id}"),
        Of("GET /tasks?status=queued", (_, _) => "/tasks?status=queued"),
        Of("GET /tasks?status=running", (_, _) => "/tasks?status=running"),
        Of("GET /tasks?status=succeeded&cursor", (tenant, random) => $"/tasks?status=succeeded&cursor={AnyTask(tenant, random).Id}"),
        Of("GET /tasks?status=failed&cursor", (tenant, random) => $"/tasks?status=failed&cursor={AnyTask(tenant, random).Id}"),
        Of("GET /tasks/{id}/runs", (tenant, random) => $"/tasks/{AnyTask(tenant, random).Id}/runs"),
        new("GET /tasks/{id}/metrics", random => Steps(random, _ => "")),
        new("GET /tasks/{id}/metrics?cursor", random => Steps(random, step => $"?cursor=1-{step}")),
        Of("GET /adapters", (_, _) => "/adapters"),
        Of("GET /adapters?cursor", (tenant, random) => $"/adapters?cursor={AnyAdapter(tenant, random).Id}"),
        Of("GET /adapters/{id}/versions", (tenant, random) => $"/adapters/{AnyAdapter(tenant, random).Id}/versions"),
        Of("GET /adapters/{name}/versions?cursor", (tenant, random) => Versions(AnyAdapter(tenant, random), random)),
        Of("GET /adapters/{id}/matrix (up to 25 tasks)", (tenant, random) => $"/adapters/{Short(tenant, random).Id}/matrix"),
        Of("GET /adapters/{id}/aliases", (tenant, random) => $"/adapters/{AnyAdapter(tenant, random).Id}/aliases"),
        Of("GET /datasets", (_, _) => "/datasets"),
        Of("GET /datasets?cursor", (tenant, random) => $"/datasets?cursor={AnyTask(tenant, random).TrainDatasetId}"),
        Of("GET /audit", (_, _) => "/audit"),
        Of("GET /audit?cursor", (tenant, random) => $"/audit?cursor={SampleService.AuditOf(AnyTask(tenant, random))}"),
        Of("GET /audit?action (the oldest entry's)", (_, _) => $"/audit?action={SampleService.FirstAction}"),
        Of("GET /models", (_, _) => "/models"),
        Of("GET /v1/models", (_, _) => "/v1/models"),
    ];

    private ListRoute Of(string name, Func<Tenant, Random, string> path) => new(name, random =>
    {
        var (tenant, key) = service.Tenants[SampleService.Skewed(service.Tenants.Count, random)];
        return new Target(path(tenant, random), key);
    });

    private Target Steps(Random random, Func<int, string> query)
    {
        var task = service.Measured[random.Next(service.Measured.Count)];
        return new Target($"/tasks/{task.Id}/metrics{query(random.Next(1, 180))}", service.Tenants.First(pair => pair.Tenant.Id == task.TenantId).Key);
    }

    private LearningTask AnyTask(Tenant tenant, Random random)
    {
        var tasks = service.TasksOf[tenant.Id];
        return tasks[random.Next(tasks.Count)];
    }

    private Adapter AnyAdapter(Tenant tenant, Random random)
    {
        var adapters = service.AdaptersOf[tenant.Id];
        return adapters[SampleService.Skewed(adapters.Count, random)];
    }

    // A matrix is one answer, not a page: its size is the adapter's, and a short one is what compares with a page.
    private Adapter Short(Tenant tenant, Random random)
    {
        var adapters = service.AdaptersOf[tenant.Id].FindAll(adapter => adapter.TaskCount <= LongestMatrix);
        return adapters.Count > 0 ? adapters[random.Next(adapters.Count)] : service.AdaptersOf[tenant.Id].MinBy(adapter => adapter.TaskCount)!;
    }

    private string Versions(Adapter adapter, Random random) =>
        $"/adapters/{adapter.Name}/versions?cursor={random.Next(1, service.VersionsOf(adapter.Id).Count + 2)}";
}
