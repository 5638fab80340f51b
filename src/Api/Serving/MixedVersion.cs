using ContinualService.Api.Adapters;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Storage;

namespace ContinualService.Api.Serving;

/// <summary>
/// Versions of one adapter mixed by a caller's weights. It is served as one adapter, of the sum of their ranks; like a merge that nobody has adopted it is stored nowhere, and made when a backend opens it.
/// </summary>
/// <param name="Adapter">Whose.</param>
/// <param name="Version">Stands for all of them: its digest is the mixture's, its number that of the newest.</param>
/// <param name="Mixture">Numbers and weights.</param>
/// <param name="Versions">In the mixture's order.</param>
/// <param name="Model">Their base.</param>
internal sealed record MixedVersion(Adapter Adapter, AdapterVersion Version, Mixture Mixture, IReadOnlyList<AdapterVersion> Versions, CatalogModel Model) : ServedVersion(Adapter, Version)
{
    public override int? Number => null;

    public override LoraConfig Shape => ShapeOf(Adapter, Versions);

    public static LoraConfig ShapeOf(Adapter adapter, IEnumerable<AdapterVersion> versions) => LoraMixture.ShapeOf([.. versions.Select(adapter.ServedShape)]);

    public override Task<Stream> OpenWeightsAsync(IObjectStore objects, CancellationToken cancellationToken) => MadeWeights.OpenAsync(async folder =>
    {
        List<(LoraWeights Lora, double Weight)> parts = [];
        try
        {
            foreach (var (version, part) in Versions.Zip(Mixture.Parts))
                parts.Add((await VersionWeights.LoadAsync(Adapter, version, Model.Config, await objects.OpenReadAsync(version.Sha256, cancellationToken), cancellationToken), part.Weight));
            using var mixed = LoraMixture.Of(parts);
            PeftAdapter.Save(folder, Shape, mixed, Adapter.Model);
        }
        finally
        {
            foreach (var (lora, _) in parts) lora.Dispose();
        }
    });
}
