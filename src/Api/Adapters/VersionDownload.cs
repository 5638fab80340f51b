using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Api.Errors;
using ContinualService.Api.Models;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;

namespace ContinualService.Api.Adapters;

/// <summary>Hands out a version as files that other programs load.</summary>
internal sealed class VersionDownload(ServiceDbContext database, IObjectStore objects, ModelCatalog catalog)
{
    public static readonly string[] Formats = ["peft", "merged", "gguf", "ollama", "state"];

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
            "state" => await StateAsync(version, name, cancellationToken),
            "merged" => await MergedAsync(http, adapter, version, name, cancellationToken),
            "gguf" => await GgufAsync(adapter, version, name, cancellationToken),
            "ollama" => await OllamaAsync(http, adapter, version, name, cancellationToken),
            _ => Zip(await PackAsync(adapter, version, cancellationToken), version, $"{name}.zip"),
        };
    }

    private async Task<IResult> StateAsync(AdapterVersion version, string name, CancellationToken cancellationToken)
    {
        // Copied whole before the first byte is sent, as the other formats are: damage gives an error and not a broken file, and any part of it can be asked for.
        var file = OwnerOnlyFile.CreateTemporary();
        try
        {
            await using (var state = await objects.OpenReadAsync(version.StateSha256, cancellationToken)) await state.CopyToAsync(file, cancellationToken);
            file.Position = 0;
            return TypedResults.Stream(file, "application/octet-stream", $"{name}-state.safetensors", version.CreatedAt, Tag(version.StateSha256), enableRangeProcessing: true);
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    private async Task<IResult> MergedAsync(HttpContext http, Adapter adapter, AdapterVersion version, string name, CancellationToken cancellationToken)
    {
        if (catalog.BaseOf(adapter).Failed(out var problem, out var model)) return problem;
        var facts = await FactsAsync(adapter, version, cancellationToken);
        var tar = await MergedTar.OpenAsync(adapter, version, facts, model, await objects.OpenReadAsync(version.Sha256, cancellationToken), cancellationToken);
        http.Response.RegisterForDispose(tar);
        http.Response.ContentLength = tar.SizeBytes;
        http.Response.Headers.AcceptRanges = "none";
        return TypedResults.Stream(body => tar.WriteAsync(body, cancellationToken), "application/x-tar", $"{name}.tar", version.CreatedAt, Tag(version.Sha256));
    }

    private async Task<IResult> GgufAsync(Adapter adapter, AdapterVersion version, string name, CancellationToken cancellationToken)
    {
        if (catalog.BaseOf(adapter).Failed(out var problem, out var model)) return problem;
        var file = await GgufFile.WriteAsync(adapter, version, model.Config, name, await objects.OpenReadAsync(version.Sha256, cancellationToken), cancellationToken);
        return TypedResults.Stream(file, "application/octet-stream", $"{name}.gguf", version.CreatedAt, Tag(version.Sha256), enableRangeProcessing: true);
    }

    private async Task<IResult> OllamaAsync(HttpContext http, Adapter adapter, AdapterVersion version, string name, CancellationToken cancellationToken)
    {
        var from = http.Request.Query["from"].ToString();
        if (from.Length > 0 && !Modelfile.IsModelName(from))
            return Problem.Invalid([new(null, "from", "The name cannot stand in a Modelfile.", "Send what 'ollama list' calls the base, such as llama3.2:1b: letters, digits and . _ / : @ ~ - alone, 256 at most.")]);
        if (catalog.BaseOf(adapter).Failed(out var problem, out var model)) return problem;
        await using var lora = await GgufFile.WriteAsync(adapter, version, model.Config, name, await objects.OpenReadAsync(version.Sha256, cancellationToken), cancellationToken);
        var modelfile = Modelfile.OfLora(adapter, version, from.Length > 0 ? from : adapter.Model, $"{name}.gguf");
        return Zip(await StoredZip.PackAsync([(Modelfile.Name, StoredZip.Content(modelfile)), ($"{name}.gguf", lora)], cancellationToken), version, $"{name}-ollama.zip");
    }

    private async Task<Stream> PackAsync(Adapter adapter, AdapterVersion version, CancellationToken cancellationToken)
    {
        var facts = await FactsAsync(adapter, version, cancellationToken);
        return await PeftZip.PackAsync(adapter, version, facts, await objects.OpenReadAsync(version.Sha256, cancellationToken), cancellationToken);
    }

    private async Task<JsonObject> FactsAsync(Adapter adapter, AdapterVersion version, CancellationToken cancellationToken)
    {
        if (version.TaskId is null) return PeftFacts.OfImported(adapter, version);
        var task = await database.Tasks.AsNoTracking().FirstAsync(row => row.Id == version.TaskId, cancellationToken);
        var datasets = await database.Datasets.AsNoTracking()
            .Where(row => row.Id == task.TrainDatasetId || row.Id == task.EvaluationDatasetId).ToDictionaryAsync(row => row.Id, row => row.Sha256, cancellationToken);
        return PeftFacts.Of(adapter, version, task, datasets[task.TrainDatasetId], task.EvaluationDatasetId is { } held ? datasets[held] : null);
    }

    private static FileStreamHttpResult Zip(Stream packed, AdapterVersion version, string name) =>
        TypedResults.Stream(packed, "application/zip", name, version.CreatedAt, Tag(version.Sha256), enableRangeProcessing: true);

    private static EntityTagHeaderValue Tag(string sha256) => new(JsonSerializer.Serialize(sha256));
}
