using ContinualService.Domain.Tasks;
using ContinualService.Engine.Inference;
using ContinualService.Worker.Child;
using ContinualService.Worker.Runs;
using Xunit;

namespace ContinualService.Worker.Tests.Child;

public sealed class ServingCheckTests
{
    [Fact]
    public void Require_Disagreement_FailsTheRunAndSaysHowFar()
    {
        var failure = Assert.Throws<RunFailureException>(() => ServingCheck.Require(new ServingAgreement(100, 0.5, 1e-6)));

        Assert.Equal(TaskFailureCode.ServingDiffers, failure.Code);
        Assert.Contains("differ by 0.5", failure.Message, StringComparison.Ordinal);
        Assert.Contains("Nothing was published", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Require_Agreement_IsHandedOn()
    {
        var found = new ServingAgreement(100, 1e-6, 1e-6);

        Assert.Same(found, ServingCheck.Require(found));
    }
}
