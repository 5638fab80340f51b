using ContinualService.Engine.Data;
using Xunit;

namespace ContinualService.Engine.Tests.Data;

public sealed class HeldOutDrawTests
{
    private static readonly string Digest = string.Concat(Enumerable.Repeat("ab", 32));

    [Fact]
    public void Of_ADigest_DrawsTheSameForEver() => Assert.Equal([2, 3, 8, 9], HeldOutDraw.Of(Digest, 10, 4)); // by another program, in Python

    [Fact]
    public void Of_FewerRows_DrawsSomeOfMore()
    {
        for (var most = 1; most < 40; most++)
        {
            var (drawn, more) = (HeldOutDraw.Of(Digest, 40, most), HeldOutDraw.Of(Digest, 40, most + 1));
            Assert.Equal(most, drawn.Length);
            Assert.Equal(drawn.Order(), drawn);
            Assert.Subset(more.ToHashSet(), drawn.ToHashSet());
        }

        Assert.NotEqual(HeldOutDraw.Of(Digest, 40, 20), HeldOutDraw.Of(Digest.Replace('a', 'c'), 40, 20));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(5)]
    [InlineData(6)]
    public void Of_NoFewerThanThereAre_DrawsAll(int? most) => Assert.Equal([0, 1, 2, 3, 4], HeldOutDraw.Of(Digest, 5, most));
}
