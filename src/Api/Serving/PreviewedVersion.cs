using ContinualService.Api.Previews;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Previews;
using ContinualService.Infrastructure.Storage;

namespace ContinualService.Api.Serving;

/// <summary>
/// A point of a merge preview: a version that nobody has adopted. Its weights are nowhere stored; they are merged when a backend opens them, and go with the memory that it has for adapters.
/// </summary>
/// <param name="Adapter">Whose.</param>
/// <param name="Version">What adopting it would publish; its number is that of the version whose merge it varies.</param>
/// <param name="Preview">The preview.</param>
/// <param name="Merge">Gives the weights.</param>
internal sealed record PreviewedVersion(Adapter Adapter, AdapterVersion Version, MergePreview Preview, PreviewMerge Merge) : ServedVersion(Adapter, Version)
{
    public override int? Number => null;

    public override Task<Stream> OpenWeightsAsync(IObjectStore objects, CancellationToken cancellationToken) => Merge.OpenWeightsAsync(cancellationToken);
}
