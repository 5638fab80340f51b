using ContinualService.Infrastructure.Storage;
using Xunit;

namespace ContinualService.Worker.Tests;

/// <summary>On PostgreSQL and S3, where an object may be gone altogether.</summary>
public sealed class SharedTrainingJobTests : TrainingJobTests
{
    public SharedTrainingJobTests()
        : base(shared: true)
    {
    }

    protected override Task DamageAsync(IObjectStore store, string sha256) => store.DeleteAsync(sha256, TestContext.Current.CancellationToken);
}
