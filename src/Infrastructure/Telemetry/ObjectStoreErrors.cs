using System.Diagnostics.Metrics;

namespace ContinualService.Infrastructure.Telemetry;

/// <summary>Counts requests to the object store that the network or the server failed or refused, each attempt of its own.</summary>
public sealed class ObjectStoreErrors
{
    private long _count;

    // Observed, so that it is there with 0 before the first error: an alert cannot see the rise of what was absent.
    public ObjectStoreErrors(IMeterFactory meters) =>
        meters.CreateServiceMeter().CreateObservableCounter("continual.object_store.errors", () => Interlocked.Read(ref _count), description: "Failed requests to the object store.");

    public void Add() => Interlocked.Increment(ref _count);
}
