using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Training;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Models;

public sealed class RotationMatricesTests
{
    [Fact]
    public void Of_TablesOfThreePositions_TurnsThePairsOfEveryRow()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var angles = rand([3, 4], generator: generator).mul(6); // [T, K/2]
        var x = randn([2, 3, 5, 8], generator: generator); // [B, T, H, K]

        var turned = x.reshape(6, 5, 8).bmm(RotationMatrices.Of(angles.cos(), angles.sin(), 2, ScalarType.Float32)).view(2, 3, 5, 8);

        var (first, second) = (x.narrow(-1, 0, 4), x.narrow(-1, 4, 4));
        var (cos, sin) = (angles.cos().unsqueeze(1), angles.sin().unsqueeze(1)); // [T, 1, K/2]
        var expected = cat([first.mul(cos).sub(second.mul(sin)), second.mul(cos).add(first.mul(sin))], -1);
        Numbers.AssertClose([.. Numbers.Of(expected).Select(value => (double)value)], Numbers.Of(turned), 1e-6, "turned");
    }
}
