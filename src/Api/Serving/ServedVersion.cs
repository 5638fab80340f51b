using ContinualService.Api.Adapters;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Lora;
using ContinualService.Infrastructure.Storage;

namespace ContinualService.Api.Serving;

/// <summary>One immutable version of an adapter, as the database knows it, or weights that are made of some.</summary>
internal record ServedVersion(Adapter Adapter, AdapterVersion Version)
{
    /// <summary>The version that answers; null where it is none.</summary>
    public virtual int? Number => Version.Number;

    /// <summary>Of the weights.</summary>
    public virtual LoraConfig Shape => Adapter.ServedShape(Version);

    /// <summary>Opens just the weights of <see cref="AdapterVersion.Sha256"/>.</summary>
    /// <exception cref="ObjectDamagedException">Other bytes are all there is.</exception>
    public virtual Task<Stream> OpenWeightsAsync(IObjectStore objects, CancellationToken cancellationToken) => objects.OpenReadAsync(Version.Sha256, cancellationToken);
}
