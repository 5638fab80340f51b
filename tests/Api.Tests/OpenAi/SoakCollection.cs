using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

/// <summary>Tests that count tensors and bytes: both are the whole process's, so nothing may run beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class SoakCollection
{
    public const string Name = "soak";
}
