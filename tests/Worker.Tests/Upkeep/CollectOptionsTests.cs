using ContinualService.Worker.Upkeep;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Options;
using Xunit;

namespace ContinualService.Worker.Tests.Upkeep;

public sealed class CollectOptionsTests
{
    [Theory]
    [InlineData(24, 300, true)]
    [InlineData(2, 300, false)]
    [InlineData(2.1, 300, true)]
    [InlineData(24, 86_400, false)]
    [InlineData(0, 0, false)]
    public void CollectAfterHours_InProduction_CoversWhateverIsOnItsWay(double hours, int outageSeconds, bool good)
    {
        var result = Validate(Environments.Production, hours, outageSeconds);

        Assert.Equal(good, result.Succeeded);
        if (!good) Assert.Contains("Storage:CollectAfterHours", result.FailureMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void CollectAfterHours_OutsideOfProduction_MayBeAnything() => Assert.True(Validate("Testing", 0, 300).Succeeded);

    private static ValidateOptionsResult Validate(string environment, double hours, int outageSeconds) =>
        new CollectOptionsValidator(new HostingEnvironment { EnvironmentName = environment }, Options.Create(new TrainingSettings { OutageSeconds = outageSeconds }))
            .Validate(null, new CollectOptions { CollectAfterHours = hours });
}
