using Xunit;

namespace ContinualService.Api.Tests;

/// <summary>The tests that look at adapters which have learned.</summary>
[CollectionDefinition(Name)]
public sealed class LearnedCollection : ICollectionFixture<LearnedWorld>
{
    public const string Name = "learned";
}
