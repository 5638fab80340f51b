using ContinualService.Domain.Adapters;
using ContinualService.Infrastructure.Storage;

namespace ContinualService.Api.Serving;

/// <summary>One immutable version of an adapter, as the database knows it.</summary>
internal record ServedVersion(Adapter Adapter, AdapterVersion Version)
{
    /// <summary>Opens just the weights of <see cref="AdapterVersion.Sha256"/>.</summary>
    /// <exception cref="ObjectDamagedException">Other bytes are all there is.</exception>
    public virtual Task<Stream> OpenWeightsAsync(IObjectStore objects, CancellationToken cancellationToken) => objects.OpenReadAsync(Version.Sha256, cancellationToken);
}
