using ContinualService.Infrastructure.Storage;
using Xunit;

namespace ContinualService.Worker.Tests;

/// <summary>On SQLite and disk.</summary>
public sealed class EmbeddedTrainingJobTests : TrainingJobTests
{
    public EmbeddedTrainingJobTests()
        : base(shared: false)
    {
    }

    protected override Task DamageAsync(IObjectStore store, string sha256) => File.AppendAllTextAsync(store.LocalPath(sha256)!, "\n", TestContext.Current.CancellationToken);
}
