using Xunit;

namespace ContinualService.Deploy.Tests;

/// <summary>How a program ended and what it wrote.</summary>
internal sealed record ToolResult(int Status, string Output, string Errors)
{
    /// <summary>Its standard output; the test fails with everything it wrote when it ended with another status than 0.</summary>
    public string Succeeded()
    {
        Assert.True(Status == 0, $"status {Status}\n{Output}\n{Errors}");
        return Output;
    }
}
