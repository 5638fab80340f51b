using ContinualService.Engine.Training;
using Xunit;

namespace ContinualService.Engine.Tests.Training;

public sealed class SeedStreamsTests
{
    [Fact]
    public void SeedOf_PurposesAndSeeds_AreIndependentAndRepeatable()
    {
        string[] purposes = [SeedStreams.Initialisation, SeedStreams.Shuffle, SeedStreams.Dropout];
        var seeds = purposes.SelectMany(purpose => new[] { 42L, 43L, -1L }.Select(seed => new SeedStreams(seed).SeedOf(purpose))).ToList();
        Assert.Equal(seeds.Count, seeds.Distinct().Count());
        Assert.Equal(new SeedStreams(42).SeedOf("init"), seeds[0]);
    }
}
