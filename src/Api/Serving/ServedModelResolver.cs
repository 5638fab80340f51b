using System.Globalization;
using ContinualService.Api.Adapters;
using ContinualService.Api.OpenAi;
using ContinualService.Api.OpenAi.Jobs;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Serving;

/// <summary>
/// Turns a model name into weights, once per request: <c>adapter</c> (its alias live), <c>adapter:alias</c>, <c>adapter@7</c>,
/// <c>adapter@sha256:...</c>, a job's <c>ft:base:org:suffix:id</c>, or a base model's own name.
/// </summary>
internal sealed class ServedModelResolver(ServiceDbContext database, ModelCatalog catalog, IServingBackend backend)
{
    public async Task<ServedModel> ResolveAsync(string tenantId, string name, CancellationToken cancellationToken)
    {
        if (catalog.Find(name) is { } model) return await OpenAsync(name, model, await DigestAsync(model), null, cancellationToken);
        var (adapter, version) = await FindAsync(tenantId, name, cancellationToken);
        if (catalog.Find(adapter.Model) is not { } pinned)
            throw OpenAiException.NoModel(name, $"its base model {adapter.Model} is no longer on offer. Ask the operator to put it back.");
        var digest = await DigestAsync(pinned);
        if (digest != adapter.BaseDigest)
            throw OpenAiException.NoModel(name, $"its base model {adapter.Model} has changed since the adapter was made. Ask the operator to put the old files back.");
        return await OpenAsync(name, pinned, digest, new PublishedVersion(adapter, version), cancellationToken);
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
        var adapter = await database.AdaptersOf(tenantId)
            .FirstOrDefaultAsync(row => row.Name == adapterName || row.Id == adapterName, cancellationToken)
            ?? throw OpenAiException.NoModel(name, "no base model and no adapter of this key has this name. GET /v1/models lists what there is.");

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
                : throw OpenAiException.NoModel(name, "after '@' comes a version number or sha256:DIGEST.");
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

    private async Task<ServedModel> OpenAsync(string name, CatalogModel model, string digest, PublishedVersion? version, CancellationToken cancellationToken) =>
        new(name, digest, await backend.OpenAsync(model, digest, version, cancellationToken), version);

    // The first time after a change it reads all weights.
    private static Task<string> DigestAsync(CatalogModel model) => Task.Run(() => model.Digest);
}
