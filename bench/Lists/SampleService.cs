using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Datasets;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Tenants;
using ContinualService.Infrastructure.Database;

namespace ContinualService.Bench.Lists;

/// <summary>
/// The rows of a service that has run for months, the same for the same settings: the k-th tenant sends 1/k as many tasks as the first, and so for the adapters of
/// a tenant. The newest twentieth of the tasks waits, runs or is paused; every version has a task that succeeded; the other tasks failed or were cancelled.
/// </summary>
internal sealed class SampleService
{
    public const string Model = "tiny-llama";

    /// <summary>The action of each tenant's first audit entry, and of no other: who asks for it asks for the other end of the list.</summary>
    public const string FirstAction = "key.create";
    private const int StepsPerTask = 200;
    private const int TasksWithSteps = 1000;
    private const int MostRunning = 40;
    private const int ScoredTasksPerVersion = 20;
    private static readonly DateTimeOffset s_begin = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan s_pace = TimeSpan.FromMinutes(2);

    private readonly Random _random = new(20260101);
    private readonly List<Dataset> _datasets = [];
    private readonly Dictionary<string, List<AdapterVersion>> _versions = [];

    public SampleService(ListsSettings settings)
    {
        Tenants = [.. Enumerable.Range(1, settings.Tenants).Select(Tenant)];
        foreach (var (tenant, _) in Tenants) AdaptersOf[tenant.Id] = [];
        for (var index = 0; index < settings.Adapters; index++)
        {
            // Every tenant has one adapter at least, and one task; who sends more tasks has more adapters.
            var (tenant, _) = index < Tenants.Count ? Tenants[index] : Tenants[Skewed(Tenants.Count)];
            AdaptersOf[tenant.Id].Add(Adapter(tenant.Id, index));
        }

        foreach (var (tenant, _) in Tenants) TasksOf[tenant.Id] = [];
        MakeTasks(settings);
    }

    /// <summary>With their keys, the largest first.</summary>
    public IReadOnlyList<(Tenant Tenant, string Key)> Tenants { get; }

    public Dictionary<string, List<Adapter>> AdaptersOf { get; } = [];

    public Dictionary<string, List<LearningTask>> TasksOf { get; } = [];

    /// <summary>Tasks with stored steps.</summary>
    public List<LearningTask> Measured { get; } = [];

    /// <summary>The index of a large tenant more often than of a small one, as its requests are.</summary>
    public static int Skewed(int count, Random random)
    {
        // The inverse of the sums of 1/k, near enough: every power of e is as likely as the next.
        return Math.Min(count - 1, (int)Math.Exp(random.NextDouble() * Math.Log(count + 1)) - 1);
    }

    /// <summary>An id that sorts where the audit entry of the task's submission does.</summary>
    public static string AuditOf(LearningTask task) => Id("aud", task.CreatedAt);

    public IReadOnlyList<AdapterVersion> VersionsOf(string adapterId) => _versions.GetValueOrDefault(adapterId) ?? [];

    /// <summary>Writes everything, tables that others point at first.</summary>
    public async Task WriteAsync(ServiceDbContext database, CancellationToken cancellationToken)
    {
        var tasks = TasksOf.Values.SelectMany(list => list).OrderBy(task => task.Id, StringComparer.Ordinal).ToList();
        var adapters = AdaptersOf.Values.SelectMany(list => list).ToList();
        var versions = _versions.Values.SelectMany(list => list).ToList();
        await database.CopyAsync(Tenants.Select(pair => pair.Tenant), cancellationToken);
        await database.CopyAsync(Tenants.Select(pair => Key(pair.Tenant, pair.Key)), cancellationToken);
        await database.CopyAsync(_datasets, cancellationToken);
        await database.CopyAsync(adapters, cancellationToken);
        await database.CopyAsync(tasks, cancellationToken);
        await database.CopyAsync(tasks.Where(task => task.Attempt > 0).Select(Run), cancellationToken);
        await database.CopyAsync(tasks.SelectMany(Events), cancellationToken);
        await database.CopyAsync(Measured.SelectMany(Steps), cancellationToken);
        await database.CopyAsync(versions, cancellationToken);
        await database.CopyAsync(adapters.Where(adapter => adapter.HeadVersion > 0).Select(Live), cancellationToken);
        await database.CopyAsync(versions.Select(Move), cancellationToken);
        await database.CopyAsync(_versions.Values.SelectMany(Cells), cancellationToken);
        await database.CopyAsync(Tenants.Select(pair => Audit(pair.Tenant.Id, pair.Tenant.CreatedAt, FirstAction, pair.Tenant.Id)), cancellationToken);
        await database.CopyAsync(tasks.Select(task => Audit(task.TenantId, task.CreatedAt, "task.submit", task.Id)), cancellationToken);
    }

    private static string Id(string prefix, DateTimeOffset moment) => string.Create(CultureInfo.InvariantCulture, $"{prefix}_{Guid.CreateVersion7(moment):N}");

    private static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static (Tenant Tenant, string Key) Tenant(int number)
    {
        var name = $"tenant-{number:D2}";
        return (new Tenant { Id = Id("tnt", s_begin.AddMinutes(number - 2000)), Name = name, CreatedAt = s_begin }, $"bench-key-of-{name}");
    }

    private static ApiKey Key(Tenant tenant, string key) => new()
    {
        Id = Id("key", tenant.CreatedAt),
        TenantId = tenant.Id,
        Name = "first",
        KeyHash = Digest(key),
        Prefix = "bench",
        CreatedAt = tenant.CreatedAt,
    };

    private static Adapter Adapter(string tenantId, int index) => new()
    {
        Id = Id("adp", s_begin.AddMinutes(index - 1000)),
        TenantId = tenantId,
        Name = $"adapter-{index:D4}",
        Model = Model,
        BaseDigest = Digest(Model),
        TemplateSha256 = Digest("template"),
        Rank = 8,
        Alpha = 16,
        TargetModulesJson = """["all-linear"]""",
        Method = "slao",
        CreatedAt = s_begin.AddMinutes(index - 1000),
    };

    private static Dataset Dataset(string tenantId, DateTimeOffset moment, string name) => new()
    {
        Id = Id("ds", moment),
        TenantId = tenantId,
        Name = name,
        Format = "prompt_completion",
        RowCount = 500,
        SizeBytes = 60_000,
        Sha256 = Digest(name),
        CreatedAt = moment,
    };

    private static TaskRun Run(LearningTask task) => new()
    {
        Id = Id("run", task.CreatedAt),
        TaskId = task.Id,
        TenantId = task.TenantId,
        AdapterId = task.AdapterId,
        WorkerId = "worker-1",
        WorkerName = "worker-1",
        Attempt = 1,
        Fence = 1,
        Device = "cpu",
        StartedAt = task.StartedAt!.Value,
        EndedAt = task.FinishedAt,
        Outcome = task.Status switch
        {
            LearningTaskStatus.Succeeded => TaskRunOutcome.Succeeded,
            LearningTaskStatus.Failed => TaskRunOutcome.Failed,
            LearningTaskStatus.Cancelled => TaskRunOutcome.Cancelled,
            _ => null,
        },
    };

    private static IEnumerable<TaskEvent> Events(LearningTask task)
    {
        yield return new TaskEvent { TaskId = task.Id, Number = 1, Type = TaskEventTypes.Queued, DataJson = """{"rows":500,"steps":200}""", CreatedAt = task.CreatedAt };
        if (task.StartedAt is not { } started) yield break;
        yield return new TaskEvent { TaskId = task.Id, Number = 2, Type = TaskEventTypes.Started, CreatedAt = started };
        if (task.FinishedAt is not { } finished) yield break;
        yield return new TaskEvent { TaskId = task.Id, Number = 3, Type = TaskEventTypes.Progress, DataJson = """{"percent":50}""", CreatedAt = finished };
        yield return new TaskEvent { TaskId = task.Id, Number = 4, Type = task.Status.ToString().ToLowerInvariant(), CreatedAt = finished };
    }

    private static IEnumerable<StepMetric> Steps(LearningTask task) => Enumerable.Range(1, StepsPerTask).Select(step => new StepMetric
    {
        TaskId = task.Id,
        Attempt = 1,
        Step = step,
        Loss = 4.0 / step,
        LearningRate = 5e-4 * (1 - ((double)step / StepsPerTask)),
        GradNorm = 1.0 / step,
        Tokens = 1000L * step,
        Seconds = 0.5 * step,
        CreatedAt = task.StartedAt!.Value.AddSeconds(0.5 * step),
    });

    private static AdapterAlias Live(Adapter adapter) => new() { AdapterId = adapter.Id, Name = AdapterAlias.Live, VersionNumber = adapter.HeadVersion, UpdatedAt = adapter.CreatedAt };

    private static AliasChange Move(AdapterVersion version) => new()
    {
        Id = Id("alc", version.CreatedAt),
        AdapterId = version.AdapterId,
        Alias = AdapterAlias.Live,
        FromVersion = version.Parent,
        ToVersion = version.Number,
        Actor = version.TaskId!,
        ChangedAt = version.CreatedAt,
    };

    /// <summary>A version is scored on the newest tasks of its lineage; the base on all.</summary>
    private static IEnumerable<AdapterMatrixCell> Cells(List<AdapterVersion> versions) =>
        from version in versions
        let oldest = Math.Max(0, version.Number - ScoredTasksPerVersion)
        from scored in versions[oldest..version.Number].Select(task => (task.TaskId, version.Number)).Append((version.TaskId, Number: 0))
        select new AdapterMatrixCell { AdapterId = version.AdapterId, VersionNumber = scored.Number, TaskId = scored.TaskId, Score = 0.5, Count = 100, Low = 0.4, High = 0.6, Metric = "exact_match" };

    private static AuditEntry Audit(string tenantId, DateTimeOffset moment, string action, string subject) => new()
    {
        Id = Id("aud", moment),
        TenantId = tenantId,
        Actor = AuditEntry.Operator,
        Action = action,
        Subject = subject,
        CreatedAt = moment,
    };

    private void MakeTasks(ListsSettings settings)
    {
        var heldOut = AdaptersOf.Values.SelectMany(list => list).ToDictionary(adapter => adapter.Id, adapter => Dataset(adapter.TenantId, adapter.CreatedAt, $"held out {adapter.Name}"));
        _datasets.AddRange(heldOut.Values);
        var open = settings.Tasks / 20;
        var order = Enumerable.Range(0, settings.Tasks - open).ToArray();
        _random.Shuffle(order);
        var succeeded = order.Take(settings.Versions).ToHashSet();
        var running = new HashSet<string>();
        for (var index = 0; index < settings.Tasks; index++)
        {
            var (tenant, _) = index < Tenants.Count ? Tenants[index] : Tenants[Skewed(Tenants.Count)];
            var adapters = AdaptersOf[tenant.Id];
            var adapter = adapters[Skewed(adapters.Count)];
            var moment = s_begin + (index * s_pace);
            var status = succeeded.Contains(index) ? LearningTaskStatus.Succeeded
                : index < order.Length ? (_random.NextDouble() < 0.6 ? LearningTaskStatus.Failed : LearningTaskStatus.Cancelled)
                : running.Count < MostRunning && running.Add(adapter.Id) ? LearningTaskStatus.Running
                : _random.NextDouble() < 0.04 ? LearningTaskStatus.Paused
                : LearningTaskStatus.Queued;
            var training = Dataset(tenant.Id, moment, $"rows {index}");
            _datasets.Add(training);
            var task = TaskOf(adapter, index, moment, status, training.Id, heldOut[adapter.Id].Id);
            TasksOf[tenant.Id].Add(task);
            if (status == LearningTaskStatus.Succeeded) Publish(adapter, task);
        }
    }

    private static LearningTask TaskOf(Adapter adapter, int index, DateTimeOffset moment, LearningTaskStatus status, string trainingId, string heldOutId)
    {
        var started = status is not (LearningTaskStatus.Queued or LearningTaskStatus.Paused);
        var finished = started && status != LearningTaskStatus.Running;
        return new LearningTask
        {
            Id = Id("task", moment),
            TenantId = adapter.TenantId,
            AdapterId = adapter.Id,
            Name = $"task {index}",
            Status = status,
            Phase = status == LearningTaskStatus.Running ? LearningTaskPhase.Training : null,
            TrainDatasetId = trainingId,
            EvaluationDatasetId = heldOutId,
            Metric = "exact_match",
            HyperparametersJson =
                """{"learningRate":0.0005,"epochs":3,"maxSteps":null,"batchSize":8,"maxSequenceLength":null,"schedule":"linear","warmupFraction":0.03,"weightDecay":0,"maxGradNorm":1,"dropout":0,"seed":42}""",
            MetadataJson = """{"source":"helpdesk","ticket":12345}""",
            Attempt = started ? 1 : 0,
            Percent = finished ? 100 : started ? 40 : 0,
            Step = finished ? StepsPerTask : 0,
            TotalSteps = StepsPerTask,
            FailureCode = status == LearningTaskStatus.Failed ? TaskFailureCode.LossDiverged : null,
            FailureMessage = status == LearningTaskStatus.Failed ? "The loss became infinite at step 12. Lower hyperparameters.learningRate." : null,
            FailureIsUserError = status == LearningTaskStatus.Failed ? true : null,
            BaseDigest = adapter.BaseDigest,
            CreatedAt = moment,
            StartedAt = started ? moment.AddSeconds(10) : null,
            FinishedAt = finished ? moment.AddSeconds(110) : null,
        };
    }

    private void Publish(Adapter adapter, LearningTask task)
    {
        if (!_versions.TryGetValue(adapter.Id, out var versions)) _versions[adapter.Id] = versions = [];
        var number = versions.Count + 1;
        versions.Add(new AdapterVersion
        {
            Id = Id("ver", task.FinishedAt!.Value),
            AdapterId = adapter.Id,
            Number = number,
            Sha256 = Digest($"{adapter.Id} {number}"),
            StateSha256 = Digest($"{adapter.Id} {number} state"),
            Parent = number > 1 ? number - 1 : null,
            TaskId = task.Id,
            TaskIndex = number,
            Lambda = 1 / Math.Sqrt(number),
            SizeBytes = 500_000,
            StateBytes = 1_000_000,
            AverageAccuracy = 0.5,
            CreatedAt = task.FinishedAt!.Value,
        });
        (adapter.HeadVersion, adapter.TaskCount, task.VersionNumber) = (number, number, number);
        if (Measured.Count < TasksWithSteps) Measured.Add(task);
    }

    private int Skewed(int count) => Skewed(count, _random);
}
