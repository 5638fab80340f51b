using System.Text.Json;
using ContinualService.Api.Errors;
using ContinualService.Api.Models;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;

namespace ContinualService.Api.Adapters;

/// <summary>Hands out a version as files that other programs load.</summary>
internal sealed class VersionDownload(ServiceDbContext database, IObjectStore objects, ModelCatalog catalog)
{
    public static readonly string[] Formats = ["peft", "gguf", "state"];

    public async Task<IResult> RunAsync(HttpContext http, string idOrName, int number, CancellationToken cancellationToken)
    {
        var format = http.Request.Query["format"].ToString();
        if (format.Length == 0) format = Formats[0];
        if (!Formats.Contains(format))
            return new Problem(ProblemTypes.UnsupportedFormat, $"There is no download format '{format}' in this version. Formats: {string.Join(", ", Formats)}.");
        var tenant = http.User.Tenant();
        if ((await database.FindAdapterAsync(tenant, idOrName, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        if ((await database.FindVersionAsync(tenant, adapter.Id, number, cancellationToken)).Failed(out problem, out var version)) return problem;

        http.Response.Headers["X-Adapter-Sha256"] = version.Sha256;
        var name = $"{adapter.Name}-v{version.Number}";
        return format switch
        {
            "state" => await StateAsync(http, version, name, cancellationToken),
            "gguf" => await GgufAsync(adapter, version, name, cancellationToken),
            _ => TypedResults.Stream(
                await PackAsync(adapter, version, cancellationToken), "application/zip", $"{name}.zip", version.CreatedAt, Tag(version.Sha256), enableRangeProcessing: true),
        };
    }

    private async Task<IResult> StateAsync(HttpContext http, AdapterVersion version, string name, CancellationToken cancellationToken)
    {
        if (!HttpMethods.IsHead(http.Request.Method)) http.Response.ContentLength = version.StateBytes;
        var state = await objects.OpenReadAsync(version.StateSha256, cancellationToken);
        return TypedResults.Stream(state, "application/octet-stream", $"{name}-state.safetensors", version.CreatedAt, Tag(version.StateSha256));
    }

    private async Task<IResult> GgufAsync(Adapter adapter, AdapterVersion version, string name, CancellationToken cancellationToken)
    {
        if (catalog.BaseOf(adapter).Failed(out var problem, out var model)) return problem;
        var file = await GgufFile.WriteAsync(adapter, model.Config, name, await objects.OpenReadAsync(version.Sha256, cancellationToken), cancellationToken);
        return TypedResults.Stream(file, "application/octet-stream", $"{name}.gguf", version.CreatedAt, Tag(version.Sha256), enableRangeProcessing: true);
    }

    private async Task<Stream> PackAsync(Adapter adapter, AdapterVersion version, CancellationToken cancellationToken)
    {
        var task = await database.Tasks.AsNoTracking().FirstAsync(row => row.Id == version.TaskId, cancellationToken);
        var datasets = await database.Datasets.AsNoTracking()
            .Where(row => row.Id == task.TrainDatasetId || row.Id == task.EvaluationDatasetId).ToDictionaryAsync(row => row.Id, row => row.Sha256, cancellationToken);
        var facts = PeftFacts.Of(adapter, version, task, datasets[task.TrainDatasetId], task.EvaluationDatasetId is { } held ? datasets[held] : null);
        return await PeftZip.PackAsync(adapter, facts, await objects.OpenReadAsync(version.Sha256, cancellationToken), cancellationToken);
    }

    private static EntityTagHeaderValue Tag(string sha256) => new(JsonSerializer.Serialize(sha256));
}
