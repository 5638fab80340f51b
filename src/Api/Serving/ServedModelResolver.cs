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
/// <c>adapter@sha256:...</c>, a job's <c>ft:base:org:suffix:id</c>, a merge that nobody has adopted, <c>adapter@preview_...:0.5</c>, versions mixed by weights,
/// <c>adapter@mix:1*0.3+3*0.7</c>, or a base model's own name.
/// </summary>
internal sealed class ServedModelResolver(ServiceDbContext database, ModelCatalog catalog, IServingBackend backend, IObjectStore objects)
{
    private const string PreviewMark = "@preview_";

    public async Task<ServedModel> ResolveAsync(string tenantId, string name, CancellationToken cancellationToken)
    {
        if (catalog.Find(name) is { } model) return await OpenAsync(name, model, await DigestAsync(model), null, cancellationToken);
        var (adapter, servedOn) = await FindServedAsync(tenantId, name, cancellationToken);
        if (catalog.Find(adapter.Model) is not { } pinned)
            throw OpenAiException.NoModel(name, $"its base model {adapter.Model} is no longer on offer. Ask the operator to put it back.");
        var digest = await DigestAsync(pinned);
        if (digest != adapter.BaseDigest)
            throw OpenAiException.NoModel(name, $"its base model {adapter.Model} has changed since the adapter was made. Ask the operator to put the old files back.");
        return await OpenAsync(name, pinned, digest, servedOn(pinned), cancellationToken);
    }

    /// <summary>As <see cref="FindAsync"/>, and the merges of previews and mixtures of versions too; the answer's second part makes of the base what is served on it.</summary>
    public async Task<(Adapter Adapter, Func<CatalogModel, ServedVersion> ServedOn)> FindServedAsync(string tenantId, string name, CancellationToken cancellationToken)
    {
        var end = name.AsSpan().IndexOfAny('@', ':');
        if (end >= 0 && name.AsSpan(end).StartsWith(PreviewMark)) return await FindPreviewedAsync(await AdapterAsync(tenantId, name, name[..end], cancellationToken), name, name[(end + 1)..], cancellationToken);
        if (end >= 0 && name.AsSpan(end).StartsWith(Mixture.Mark)) return await FindMixedAsync(await AdapterAsync(tenantId, name, name[..end], cancellationToken), name, name[(end + Mixture.Mark.Length)..], cancellationToken);
        var (adapter, version) = await FindAsync(tenantId, name, cancellationToken);
        return (adapter, _ => new ServedVersion(adapter, version));
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
                : throw OpenAiException.NoModel(name, "after '@' comes a version number, sha256:DIGEST, PREVIEW_ID:LAMBDA, or mix:VERSION*WEIGHT+VERSION*WEIGHT.");
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

    private async Task<(Adapter Adapter, Func<CatalogModel, ServedVersion> ServedOn)> FindPreviewedAsync(Adapter adapter, string name, string selector, CancellationToken cancellationToken)
    {
        // Step 1: the preview.
        var (id, text) = selector.IndexOf(':', StringComparison.Ordinal) is var colon and >= 0 ? (selector[..colon], selector[(colon + 1)..]) : (selector, "");
        var preview = await database.MergePreviews.AsNoTracking().FirstOrDefaultAsync(row => row.AdapterId == adapter.Id && row.Id == id, cancellationToken)
            ?? throw OpenAiException.NoModel(name, $"the adapter has no merge preview '{id}'. GET /adapters/{adapter.Id}/merge-previews lists them.");
        var status = await database.Tasks.Where(row => row.Id == preview.TaskId).Select(row => row.Status).SingleAsync(cancellationToken);
        if (status is LearningTaskStatus.Failed or LearningTaskStatus.Cancelled)
            throw OpenAiException.NoModel(name, $"the preview is {WireName.Of(status)}. POST /adapters/{adapter.Id}/merge-previews makes another one.");
        if (status != LearningTaskStatus.Succeeded) throw OpenAiException.NoModel(name, $"the preview is {WireName.Of(status)}. Wait until it has succeeded.");

        // Step 2: its point.
        var points = PreviewPoint.Read(preview.PointsJson);
        var wanted = MergeSchedule.Parse(text);
        if (points.FirstOrDefault(each => each.Merge() == wanted) is not { } point)
            throw OpenAiException.NoModel(name, $"after the preview's id come ':' and a lambda or schedule that it measured: {PreviewResponse.Names(points)}.");

        // Step 3: what adopting it would publish.
        var versions = database.Versions.AsNoTracking().Where(row => row.AdapterId == adapter.Id);
        var varied = await versions.SingleAsync(row => row.Number == preview.VersionNumber, cancellationToken);
        var previous = await versions.SingleAsync(row => row.Number == varied.Parent, cancellationToken);
        var version = Unpublished(preview.Id, varied, point.Sha256, point.StateSha256);
        return (adapter, model => new PreviewedVersion(adapter, version, preview, new PreviewMerge(adapter, model, point, varied, previous, objects)));
    }

    private async Task<(Adapter Adapter, Func<CatalogModel, ServedVersion> ServedOn)> FindMixedAsync(Adapter adapter, string name, string text, CancellationToken cancellationToken)
    {
        if (Mixture.Parse(text, out var fault) is not { } mixture) throw OpenAiException.NoModel(name, fault);
        var numbers = mixture.Parts.Select(part => part.Version).ToList();
        var versions = await database.Versions.AsNoTracking().Where(row => row.AdapterId == adapter.Id && numbers.Contains(row.Number)).OrderBy(row => row.Number).ToListAsync(cancellationToken);
        if (numbers.Except(versions.Select(version => version.Number)).ToList() is [var missing, ..])
            throw OpenAiException.NoModel(name, $"the adapter has no version {missing}. GET /adapters/{adapter.Id}/versions lists them.");
        if (MixedVersion.ShapeOf(adapter, versions).Rank is > CreateAdapter.LargestRank and var rank)
            throw OpenAiException.NoModel(name, $"its versions have rank {rank} together, and {CreateAdapter.LargestRank} is the most. Name fewer.");
        var version = Unpublished(text, versions[^1], mixture.DigestOf(versions.Select(each => each.Sha256)), "");
        return (adapter, model => new MixedVersion(adapter, version, mixture, versions, model));
    }

    // What its digest names is what is served, so a version that was made of the same bytes meanwhile is the same to the caches.
    private static AdapterVersion Unpublished(string id, AdapterVersion like, string sha256, string stateSha256) =>
        new() { Id = id, AdapterId = like.AdapterId, Number = like.Number, Sha256 = sha256, StateSha256 = stateSha256, Parent = like.Parent, TaskId = like.TaskId, TaskIndex = like.TaskIndex };

    private async Task<ServedModel> OpenAsync(string name, CatalogModel model, string digest, ServedVersion? version, CancellationToken cancellationToken) =>
        new(name, digest, await backend.OpenAsync(model, digest, version, cancellationToken), version);

    // The first time after a change it reads all weights.
    private static Task<string> DigestAsync(CatalogModel model) => Task.Run(() => model.Digest);
}
