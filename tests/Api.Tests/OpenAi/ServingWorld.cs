using System.Text.Json.Nodes;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Datasets;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Storage;
using ContinualService.TestKit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace ContinualService.Api.Tests.OpenAi;

/// <summary>The service over the conformance models: what it serves can be compared with what the rest of the world computes.</summary>
public sealed class ServingWorld : IAsyncDisposable
{
    private static readonly string s_models = Shared.Folder("conformance/models");
    private readonly Lazy<ApiWorld> _api;

    public ServingWorld()
        : this(new Dictionary<string, string>())
    {
    }

    /// <param name="settings">Settings beyond the usual ones.</param>
    internal ServingWorld(IReadOnlyDictionary<string, string> settings) =>
        _api = new(() => new ApiWorld(new Dictionary<string, string>(settings) { ["Models:Root"] = s_models, ["Models:Default"] = "llama2" }));

    public ApiWorld Api => _api.Value;

    /// <summary>The goldens: prompt ids, and per case logits and greedy ids.</summary>
    public static JsonNode Expected { get; } = JsonNode.Parse(File.ReadAllText(Path.Combine(s_models, "expected.json")))!;

    public static int[] Prompt => [.. Expected["prompt"]!.AsArray().Select(id => (int)id!)];

    public static JsonNode Case(string model, string? adapter) =>
        Expected["cases"]!.AsArray().First(item => (string?)item!["model"] == model && (string?)item["adapter"] == adapter)!;

    /// <summary>Goes back to a version.</summary>
    public async Task RollBackAsync(string adapterName, int number)
    {
        using var response = await Api.Client.PostTextAsync($"/adapters/{adapterName}/rollback", new JsonObject { ["version"] = number }.ToJsonString());
        await response.ReadAsync(System.Net.HttpStatusCode.OK);
    }

    /// <summary>Publishes a PEFT folder (of the conformance models, or a whole path) as version <paramref name="number"/> of a tenant's (the first one's) adapter, behind the service's back.</summary>
    public async Task<string> PublishAsync(string adapterName, string model, string peftFolder, int number = 1, string? tenantId = null)
    {
        var folder = Path.Combine(s_models, peftFolder);
        var config = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "adapter_config.json")))!;
        StoredObject stored;
        await using (var file = File.OpenRead(Path.Combine(folder, "adapter_model.safetensors")))
            stored = await Api.Services.GetRequiredService<IObjectStore>().PutIfAbsentAsync(file, CancellationToken.None);
        await Api.WithDatabaseAsync(async database =>
        {
            var now = DateTimeOffset.UnixEpoch;
            var tenant = await database.Tenants.OrderBy(row => row.Id).FirstAsync(row => tenantId == null || row.Id == tenantId);
            var adapter = await database.Adapters.FirstOrDefaultAsync(row => row.TenantId == tenant.Id && row.Name == adapterName) ?? database.Adapters.Add(new Adapter
            {
                Id = Ids.New("adp"),
                TenantId = tenant.Id,
                Name = adapterName,
                Model = model,
                BaseDigest = Api.Services.GetRequiredService<ModelCatalog>().Find(model)!.Digest,
                TemplateSha256 = "",
                Rank = (int)config["r"]!,
                Alpha = (double)config["lora_alpha"]!,
                TargetModulesJson = config["target_modules"]!.ToJsonString(),
                Method = "slao",
                CreatedAt = now,
            }).Entity;
            var rows = database.Datasets.Add(new Dataset { Id = Ids.New("ds"), TenantId = tenant.Id, Name = "rows", Format = "text", Sha256 = new string('0', 64), CreatedAt = now }).Entity;
            var task = database.Tasks.Add(new LearningTask
            {
                Id = Ids.New("task"),
                TenantId = tenant.Id,
                AdapterId = adapter.Id,
                Name = "made by a test",
                Status = LearningTaskStatus.Succeeded,
                TrainDatasetId = rows.Id,
                Metric = "exact_match",
                HyperparametersJson = "{}",
                BaseDigest = adapter.BaseDigest,
                CreatedAt = now,
            }).Entity;
            database.Versions.Add(new AdapterVersion
            {
                Id = Ids.New("ver"),
                AdapterId = adapter.Id,
                Number = number,
                Sha256 = stored.Sha256,
                StateSha256 = stored.Sha256,
                TaskId = task.Id,
                TaskIndex = number,
                Lambda = 1,
                CreatedAt = now,
            });
            var live = await database.Aliases.FirstOrDefaultAsync(row => row.AdapterId == adapter.Id)
                ?? database.Aliases.Add(new AdapterAlias { AdapterId = adapter.Id, Name = AdapterAlias.Live }).Entity;
            live.VersionNumber = number;
            live.UpdatedAt = now;
            adapter.HeadVersion = number;
            return await database.SaveChangesAsync();
        });
        return stored.Sha256;
    }

    public async ValueTask DisposeAsync()
    {
        if (_api.IsValueCreated) await Api.DisposeAsync();
    }
}
