using ContinualService.Domain.Tasks;
using Xunit;

namespace ContinualService.Domain.Tests.Tasks;

public sealed class HyperparametersTests
{
    [Theory]
    [InlineData(9, null, 6, 18)]
    [InlineData(8, null, 4, 16)]
    [InlineData(9, 7, 6, 18)]
    [InlineData(9, 5, 5, 17)] // an epoch and two batches of four
    [InlineData(9, 3, 3, 9)]
    [InlineData(9, 2, 2, 8)]
    [InlineData(3, 1, 1, 3)] // a batch that is not full
    public void RowPasses_OfTwoEpochsByFour_CountsWhatTheStepsRead(int rows, int? maxSteps, int steps, long passes)
    {
        var settings = new Hyperparameters { Epochs = 2, BatchSize = 4, MaxSteps = maxSteps };

        Assert.Equal((steps, passes), (settings.Steps(rows), settings.RowPasses(rows)));
    }
}
