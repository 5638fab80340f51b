using System.Globalization;
using ContinualService.Api.Adapters;
using ContinualService.Api.OpenAi;
using ContinualService.Api.OpenAi.Jobs;
using ContinualService.Api.Previews;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Serving;

/// <summary>
/// Turns a model name into weights, once per request: <c>adapter</c> (its alias live), <c>adapter:alias</c>, <c>adapter@7</c>,
/// <c>adapter@sha256:...</c>, a job's <c>ft:base:org:suffix:id</c>, a merge that nobody has adopted, <c>adapter@preview_...:0.5</c>, or a base model's own name.
/// </summary>
internal sealed class ServedModelResolver(ServiceDbContext database, ModelCatalog catalog, IServingBackend backend, IObjectStore objects)
{
    private const string PreviewMark = "@preview_";

    public async Task<ServedModel> ResolveAsync(string tenantId, string name, CancellationToken cancellationToken)
    {
        if (catalog.Find(name) is { } model) return await OpenAsync(name, model, await DigestAsync(model), null, cancellationToken);
        var (adapter, version, preview) = await FindServedAsync(tenantId, name, cancellationToken);
        if (catalog.Find(adapter.Model) is not { } pinned)
            throw OpenAiException.NoModel(name, $"its base model {adapter.Model} is no longer on offer. Ask the operator to put it back.");
        var digest = await DigestAsync(pinned);
        if (digest != adapter.BaseDigest)
            throw OpenAiException.NoModel(name, $"its base model {adapter.Model} has changed since the adapter was made. Ask the operator to put the old files back.");
        var served = preview is { } merged ? await PreviewedAsync(adapter, version, merged, pinned, cancellationToken) : new ServedVersion(adapter, version);
        return await OpenAsync(name, pinned, digest, served, cancellationToken);
    }

    /// <summary>As <see cref="FindAsync"/>, and the merges of previews too: for those the version that is varied, the preview and its point.</summary>
    public async Task<(Adapter Adapter, AdapterVersion Version, (MergePreview Preview, PreviewPoint Point)? Preview)> FindServedAsync(string tenantId, string name, CancellationToken cancellationToken)
    {
        var end = name.IndexOf(PreviewMark, StringComparison.Ordinal);
        if (end < 0 || end != name.AsSpan().IndexOfAny('@', ':'))
        {
            var (adapter, version) = await FindAsync(tenantId, name, cancellationToken);
            return (adapter, version, null);
        }

        // Step 1: the adapter and the preview.
        var owner = await AdapterAsync(tenantId, name, name[..end], cancellationToken);
        var (id, text) = name.AsSpan(end + 1).IndexOf(':') is var colon and >= 0 ? (name.Substring(end + 1, colon), name[(end + colon + 2)..]) : (name[(end + 1)..], "");
        var preview = await database.MergePreviews.AsNoTracking().FirstOrDefaultAsync(row => row.AdapterId == owner.Id && row.Id == id, cancellationToken)
            ?? throw OpenAiException.NoModel(name, $"the adapter has no merge preview '{id}'. GET /adapters/{owner.Id}/merge-previews lists them.");
        var status = await database.Tasks.Where(row => row.Id == preview.TaskId).Select(row => row.Status).SingleAsync(cancellationToken);
        if (status is LearningTaskStatus.Failed or LearningTaskStatus.Cancelled)
            throw OpenAiException.NoModel(name, $"the preview is {WireName.Of(status)}. POST /adapters/{owner.Id}/merge-previews makes another one.");
        if (status != LearningTaskStatus.Succeeded) throw OpenAiException.NoModel(name, $"the preview is {WireName.Of(status)}. Wait until it has succeeded.");

        // Step 2: its point.
        var points = PreviewPoint.Read(preview.PointsJson);
        var wanted = MergeSchedule.Parse(text);
        if (points.FirstOrDefault(each => each.Merge() == wanted) is not { } point)
            throw OpenAiException.NoModel(name, $"after the preview's id come ':' and a lambda or schedule that it measured: {PreviewResponse.Names(points)}.");

        return (owner, await database.Versions.AsNoTracking().SingleAsync(row => row.AdapterId == owner.Id && row.Number == preview.VersionNumber, cancellationToken), (preview, point));
    }

    /// <summary>The adapter and version that a name selects.</summary>
    /// <exception cref="OpenAiException">404 with the reason.</exception>
    public async Task<(Adapter Adapter, AdapterVersion Version)> FindAsync(string tenantId, string name, CancellationToken cancellationToken)
    {
        // What one job published has a name of its own.
        if (FineTunedModels.IsName(name))
        {
            var (tuned, taskId) = await database.FindFineTunedAsync(tenantId, name, cancellationToken);
            var published = await database.Versions.AsNoTracking().FirstOrDefaultAsync(row => row.TaskId == taskId && row.MergePreviewId == null && row.UnlearningId == null, cancellationToken);
            return (tuned, published ?? throw OpenAiException.NoModel(name, "its job has published nothing. Wait until it has succeeded."));
        }

        // Step 1: the adapter's name may hold neither '@' nor ':', so the first of them ends it.
        var end = name.AsSpan().IndexOfAny('@', ':');
        var (adapterName, selector) = end < 0 ? (name, "") : (name[..end], name[end..]);
        var adapter = await AdapterAsync(tenantId, name, adapterName, cancellationToken);

        // Step 2: its version.
        var versions = database.Versions.AsNoTracking().Where(row => row.AdapterId == adapter.Id);
        AdapterVersion? version;
        if (selector.StartsWith("@sha256:", StringComparison.Ordinal))
        {
            var digest = selector["@sha256:".Length..];
            version = await versions.Where(row => row.Sha256 == digest).OrderBy(row => row.Number).FirstOrDefaultAsync(cancellationToken);
        }
        else if (selector.StartsWith('@'))
        {
            version = int.TryParse(selector.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? await versions.FirstOrDefaultAsync(row => row.Number == number, cancellationToken)
                : throw OpenAiException.NoModel(name, "after '@' comes a version number, sha256:DIGEST, or PREVIEW_ID:LAMBDA.");
        }
        else
        {
            var alias = selector.Length > 0 ? selector[1..] : AdapterAlias.Live;
            version = await database.Aliases.AsNoTracking()
                .Where(row => row.AdapterId == adapter.Id && row.Name == alias)
                .Join(versions, row => row.VersionNumber, row => row.Number, (_, row) => row)
                .FirstOrDefaultAsync(cancellationToken);
            if (version is null && alias == AdapterAlias.Live)
                throw OpenAiException.NoModel(name, "it has no published version yet. Wait until its first task has succeeded.");
            if (version is null) throw OpenAiException.NoModel(name, $"the adapter has no alias '{alias}'. GET /adapters/{adapter.Id}/aliases lists them.");
        }

        return (adapter, version ?? throw OpenAiException.NoModel(name, $"the adapter has no such version. GET /adapters/{adapter.Id}/versions lists them."));
    }

    private async Task<Adapter> AdapterAsync(string tenantId, string name, string idOrName, CancellationToken cancellationToken) =>
        await database.AdaptersOf(tenantId).FirstOrDefaultAsync(row => row.Name == idOrName || row.Id == idOrName, cancellationToken)
        ?? throw OpenAiException.NoModel(name, "no base model and no adapter of this key has this name. GET /v1/models lists what there is.");

    // What its digest names is what is served, so a version that was made of the same bytes meanwhile is the same to the caches.
    private async Task<PreviewedVersion> PreviewedAsync(Adapter adapter, AdapterVersion varied, (MergePreview Preview, PreviewPoint Point) preview, CatalogModel model, CancellationToken cancellationToken)
    {
        var previous = await database.Versions.AsNoTracking().SingleAsync(row => row.AdapterId == adapter.Id && row.Number == varied.Parent, cancellationToken);
        var version = new AdapterVersion
        {
            Id = preview.Preview.Id,
            AdapterId = adapter.Id,
            Number = varied.Number,
            Sha256 = preview.Point.Sha256,
            StateSha256 = preview.Point.StateSha256,
            Parent = varied.Parent,
            TaskId = varied.TaskId,
            TaskIndex = varied.TaskIndex,
            Lambda = preview.Point.Lambda,
        };
        return new PreviewedVersion(adapter, version, preview.Preview, new PreviewMerge(adapter, model, preview.Point, varied, previous, objects));
    }

    private async Task<ServedModel> OpenAsync(string name, CatalogModel model, string digest, ServedVersion? version, CancellationToken cancellationToken) =>
        new(name, digest, await backend.OpenAsync(model, digest, version, cancellationToken), version);

    // The first time after a change it reads all weights.
    private static Task<string> DigestAsync(CatalogModel model) => Task.Run(() => model.Digest);
}
