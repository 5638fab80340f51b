using ContinualService.Domain.Adapters;

namespace ContinualService.Api.Serving;

/// <summary>One immutable version of an adapter, as the database knows it.</summary>
internal sealed record PublishedVersion(Adapter Adapter, AdapterVersion Version);
