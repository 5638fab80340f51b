using System.Text;
using System.Text.Json;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Datasets;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Tenants;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using ContinualService.Infrastructure.Storage;
using ContinualService.TestKit;
using ContinualService.TestKit.Servers;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace ContinualService.Worker.Tests;

/// <summary>
/// The worker on a data folder of one test's own, with a base model of a few thousand weights. <paramref name="shared"/>: the database is PostgreSQL and the
/// objects are in S3, so that several workers (<see cref="AnotherWorker"/>) can work on them; else both lie in the data folder. <paramref name="precision"/>: what bases compute in.
/// </summary>
internal sealed class TestService(bool shared = false, string precision = "float32") : IAsyncDisposable
{
    public const string Model = "llama2";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly string _folder = Directory.CreateTempSubdirectory("continual-").FullName;
    private readonly string _models = Shared.Folder("conformance/models");
    private IHost? _host;
    private string? _connectionString;
    private string? _bucket;
    private S3Server? _s3;

    public IServiceProvider Services => (_host ??= Build()).Services;

    public DataFolder Data => Services.GetRequiredService<DataFolder>();

    /// <summary>Where database and objects are, once prepared.</summary>
    public IReadOnlyDictionary<string, string?> SharedSettings => new Dictionary<string, string?>
    {
        ["Models:Root"] = _models,
        ["Database:Provider"] = "postgresql",
        ["Database:ConnectionString"] = _connectionString,
        ["Storage:Provider"] = "s3",
        ["Storage:S3:Endpoint"] = _s3!.Endpoint,
        ["Storage:S3:Bucket"] = _bucket,
        ["Storage:S3:AccessKey"] = _s3.AccessKey,
        ["Storage:S3:SecretKey"] = _s3.SecretKey,
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Migrated, with a tenant, but nothing takes tasks yet.</summary>
    public async Task PrepareAsync()
    {
        if (shared)
        {
            _connectionString = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(Token);
            _s3 = await S3Server.SharedAsync();
            _bucket = await _s3.CreateBucketAsync(Token);
        }

        await Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(Token);
        await using var database = Open();
        database.Add(new Tenant { Id = "tnt_1", Name = "one" });
        await database.SaveChangesAsync(Token);
    }

    /// <summary>A further worker on the same database and objects, with a data folder of its own.</summary>
    public TestService AnotherWorker() => new(shared: true) { _connectionString = _connectionString, _bucket = _bucket, _s3 = _s3 };

    public Task StartAsync() => (_host ??= Build()).StartAsync(Token);

    /// <summary>Stops the service as a stopping host does; <see cref="StartAsync"/> then starts another on the same folder.</summary>
    public async Task StopAsync()
    {
        if (_host is null) return;
        await _host.StopAsync(CancellationToken.None);
        _host.Dispose();
        _host = null;
    }

    public ServiceDbContext Open() => Services.GetRequiredService<IDbContextFactory<ServiceDbContext>>().CreateDbContext();

    public async Task<string> AddAdapterAsync(string method = "slao", string methodOptions = "{}")
    {
        await using var database = Open();
        var id = Ids.New("adp");
        database.Add(new Adapter
        {
            Id = id,
            TenantId = "tnt_1",
            Name = id,
            Model = Model,
            BaseDigest = ModelDigest.Of(Path.Combine(_models, Model)),
            TemplateSha256 = "",
            Rank = 4,
            Alpha = 8,
            TargetModulesJson = """["q_proj","v_proj"]""",
            Method = method,
            MethodOptionsJson = methodOptions,
        });
        await database.SaveChangesAsync(Token);
        return id;
    }

    /// <summary>A queued task of raw text rows, scored by its loss, and its message.</summary>
    public async Task<string> AddTaskAsync(string adapterId, string word, Hyperparameters hyperparameters, bool enqueue = true)
    {
        var train = await AddDatasetAsync([.. Enumerable.Range(1, 8).Select(i => $"{word} {i} {word}")]);
        var heldOut = await AddDatasetAsync([.. Enumerable.Range(9, 3).Select(i => $"{word} {i} {word}")]);
        await using var database = Open();
        var task = new LearningTask
        {
            Id = Ids.New("task"),
            TenantId = "tnt_1",
            AdapterId = adapterId,
            Name = word,
            TrainDatasetId = train,
            EvaluationDatasetId = heldOut,
            Metric = "loss",
            HyperparametersJson = JsonSerializer.Serialize(hyperparameters, JsonSerializerOptions.Web),
            BaseDigest = "",
        };
        database.Add(task);
        await database.AppendEventAsync(task.Id, TaskEventTypes.Queued, null, TimeProvider.System.GetUtcNow(), Token);
        await database.SaveChangesAsync(Token);
        if (enqueue) Services.GetRequiredService<ITaskQueue>().Enqueue(task.Id);
        return task.Id;
    }

    /// <summary>A queued preview of the adapter's head, and its message; gives its task.</summary>
    public async Task<string> AddPreviewAsync(string adapterId, IReadOnlyList<double> lambdas, IReadOnlyList<PreviewPoint> measured)
    {
        return await AddSideTaskAsync(adapterId, LearningTaskKind.MergePreview, (taskId, version) => new MergePreview
        {
            Id = Ids.New("preview"),
            AdapterId = adapterId,
            TaskId = taskId,
            VersionNumber = version.Number,
            OwnLambda = version.Lambda,
            LambdasJson = JsonSerializer.Serialize(lambdas),
            PolicyJson = "{}",
            PointsJson = PreviewPoint.Write(measured),
        });
    }

    /// <summary>A queued task of another kind than training, with its row for the adapter's newest version, and its message.</summary>
    public async Task<string> AddSideTaskAsync(string adapterId, LearningTaskKind kind, Func<string, AdapterVersion, object> rowOf)
    {
        await using var database = Open();
        var version = await database.Versions.Where(row => row.AdapterId == adapterId).OrderBy(row => row.Number).LastAsync(Token);
        var last = await database.Tasks.SingleAsync(row => row.Id == version.TaskId, Token);
        var task = new LearningTask
        {
            Id = Ids.New("task"),
            Kind = kind,
            TenantId = last.TenantId,
            AdapterId = adapterId,
            Name = last.Name,
            TrainDatasetId = last.TrainDatasetId,
            EvaluationDatasetId = last.EvaluationDatasetId,
            Metric = last.Metric,
            HyperparametersJson = last.HyperparametersJson,
            BaseDigest = "",
        };
        database.AddRange(task, rowOf(task.Id, version));
        await database.AppendEventAsync(task.Id, TaskEventTypes.Queued, null, TimeProvider.System.GetUtcNow(), Token);
        await database.SaveChangesAsync(Token);
        Services.GetRequiredService<ITaskQueue>().Enqueue(task.Id);
        return task.Id;
    }

    public async Task<LearningTask> TaskAsync(string taskId)
    {
        await using var database = Open();
        return await database.Tasks.AsNoTracking().SingleAsync(row => row.Id == taskId, Token);
    }

    public async Task<LearningTask> WaitAsync(string taskId, Func<LearningTask, bool> until)
    {
        var began = TimeProvider.System.GetUtcNow();
        while (true)
        {
            var task = await TaskAsync(taskId);
            if (until(task)) return task;
            // A task that is over never changes again.
            if (task.FinishedAt is not null || TimeProvider.System.GetUtcNow() - began > Patience)
                Assert.Fail($"It is {task.Status} in attempt {task.Attempt}, {task.Phase} {task.Percent} %: {task.FailureMessage} {string.Join(" | ", await EventsAsync(taskId))}");
            await Task.Delay(50, Token);
        }
    }

    public Task<LearningTask> WaitForEndAsync(string taskId) =>
        WaitAsync(taskId, task => task.Status is LearningTaskStatus.Succeeded or LearningTaskStatus.Failed or LearningTaskStatus.Cancelled);

    /// <summary>Until no run holds the adapter.</summary>
    public async Task WaitForFreeAsync(string adapterId)
    {
        var began = TimeProvider.System.GetUtcNow();
        while (true)
        {
            await using var database = Open();
            if (await database.Adapters.Where(row => row.Id == adapterId).Select(row => row.LeaseOwner).SingleAsync(Token) is not { } owner) return;
            if (TimeProvider.System.GetUtcNow() - began > Patience) Assert.Fail($"{owner} still holds the adapter.");
            await Task.Delay(50, Token);
        }
    }

    /// <summary>Numbers and types of a task's events, in order.</summary>
    public async Task<IReadOnlyList<string>> EventsAsync(string taskId)
    {
        await using var database = Open();
        return await database.TaskEvents.Where(row => row.TaskId == taskId).OrderBy(row => row.Number).Select(row => row.Number + " " + row.Type + " " + row.DataJson).ToListAsync(Token);
    }

    /// <summary>The process that trains the task now, once it has made a step.</summary>
    public async Task<int> TrainingProcessAsync(string taskId, int attempt)
    {
        await WaitAsync(taskId, task => task.Status == LearningTaskStatus.Running && task.Attempt == attempt && task.Step > 0);
        return ProcessOf(taskId) ?? throw new InvalidOperationException("The task has no training process.");
    }

    public static int? ProcessOf(string taskId)
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var id)) continue;
            try
            {
                var command = File.ReadAllText(Path.Combine(folder, "cmdline"));
                if (command.Contains("run-task", StringComparison.Ordinal) && command.Contains(taskId, StringComparison.Ordinal)) return id;
            }
            catch (IOException)
            {
                // It ended between the listing and the look.
            }
        }

        return null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<string> AddDatasetAsync(IReadOnlyList<string> texts)
    {
        var bytes = Encoding.UTF8.GetBytes(string.Concat(texts.Select(text => JsonSerializer.Serialize(new { text }) + "\n")));
        var stored = await Services.GetRequiredService<IObjectStore>().PutIfAbsentAsync(new MemoryStream(bytes), Token);
        await using var database = Open();
        var dataset = new Dataset { Id = Ids.New("ds"), TenantId = "tnt_1", Name = "rows", Format = "text", RowCount = texts.Count, SizeBytes = stored.SizeBytes, Sha256 = stored.Sha256 };
        database.Add(dataset);
        await database.SaveChangesAsync(Token);
        return dataset.Id;
    }

    private IHost Build()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Data:Root"] = Path.Combine(_folder, "data"),
            ["Models:Root"] = _models,
            ["Models:Precision"] = precision,
            ["Training:Threads"] = "1",
            ["Training:SweepSeconds"] = "1",
            ["Training:StopSeconds"] = "5",
        });
        if (shared)
        {
            builder.Configuration.AddInMemoryCollection(SharedSettings);
            builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["Training:LeaseSeconds"] = "6",
                ["Queue:InvisibilitySeconds"] = "5",
            });
        }

        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddInfrastructure(builder.Configuration);
        builder.Services.AddTrainingWorker(builder.Configuration);
        return builder.Build();
    }
}
