using Xunit;

namespace ContinualService.Api.Tests;

/// <summary>The collection whose tests share one running service; each test works in a tenant or an adapter of its own.</summary>
[CollectionDefinition(Name)]
public sealed class ApiCollection : ICollectionFixture<ApiWorld>
{
    public const string Name = "api";
}
