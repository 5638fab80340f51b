using System.Text;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Datasets;
using ContinualService.Domain.Files;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using ContinualService.Worker.Upkeep;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ContinualService.Worker.Tests.Upkeep;

/// <summary>Rows and objects of one test's own, and the upkeep over them at a moment of the test's choice.</summary>
public abstract class UpkeepTests : IAsyncLifetime
{
    private protected const string FileId = "file-1";

    private protected UpkeepTests(bool shared) => Service = new TestService(shared);

    private protected TestService Service { get; }

    private protected static CancellationToken Token => TestContext.Current.CancellationToken;

    private protected static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    private protected IObjectStore Store => Service.Services.GetRequiredService<IObjectStore>();

    private protected IDbContextFactory<ServiceDbContext> Contexts => Service.Services.GetRequiredService<IDbContextFactory<ServiceDbContext>>();

    public async ValueTask InitializeAsync() => await Service.PrepareAsync();

    public async ValueTask DisposeAsync()
    {
        await Service.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected ObjectCollector Collector(TimeSpan later, IObjectStore? store = null) =>
        new(Contexts, store ?? Store, Options.Create(new CollectOptions()), new FakeTimeProvider(Now + later), NullLogger<ObjectCollector>.Instance);

    private protected async Task<string> PutAsync(string text) => (await Store.PutIfAbsentAsync(new MemoryStream(Encoding.UTF8.GetBytes(text)), Token)).Sha256;

    private protected async Task<List<string>> ListAsync() => await Store.ListAsync(Token).Select(found => found.Sha256).Order(StringComparer.Ordinal).ToListAsync(Token);

    private protected async Task NameAsync(string sha256)
    {
        await using var database = Service.Open();
        database.Add(new Dataset { Id = Ids.New("ds"), TenantId = "tnt_1", Name = "rows", Format = "text", Sha256 = sha256 });
        await database.SaveChangesAsync(Token);
    }

    /// <summary>A task with its two data sets, a version with its two files, a checkpoint, and a file as it was sent: every kind of row that names objects.</summary>
    private protected async Task<(string TaskId, string AdapterId, List<string> Objects)> AddOneOfEachAsync()
    {
        var adapterId = await Service.AddAdapterAsync();
        var taskId = await Service.AddTaskAsync(adapterId, "red", new Hyperparameters(), enqueue: false);
        var (weights, state, checkpoint, sent) = (await PutAsync("weights"), await PutAsync("state"), await PutAsync("checkpoint"), await PutAsync("sent"));
        await using var database = Service.Open();
        database.Add(new AdapterVersion { Id = Ids.New("ver"), AdapterId = adapterId, Number = 1, Sha256 = weights, StateSha256 = state, TaskId = taskId, TaskIndex = 1 });
        database.Add(new TaskCheckpoint { TaskId = taskId, Sha256 = checkpoint, Step = 1 });
        database.Add(new FileRecord { Id = FileId, TenantId = "tnt_1", FileName = "rows.jsonl", Purpose = "fine-tune", Sha256 = sent });
        await database.SaveChangesAsync(Token);
        return (taskId, adapterId, await ListAsync());
    }
}
