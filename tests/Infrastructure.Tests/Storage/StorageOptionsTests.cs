using ContinualService.Infrastructure.Storage;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Storage;

public sealed class StorageOptionsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Configuration_Empty_IsTheDisk() => Assert.IsType<DiskObjectStore>(Store([]));

    [Fact]
    public void Configuration_WholeS3_IsS3() => Assert.IsType<S3ObjectStore>(Store(WholeS3()));

    [Theory]
    [InlineData("Storage:Provider", "tape", "Storage:Provider")]
    [InlineData("Storage:S3:Endpoint", "", "Storage:S3:Endpoint")]
    [InlineData("Storage:S3:Endpoint", "127.0.0.1:9000", "http(s)://host:port")]
    [InlineData("Storage:S3:Endpoint", "http://127.0.0.1:9000/path", "http(s)://host:port")]
    [InlineData("Storage:S3:Bucket", "", "Storage:S3:Bucket")]
    [InlineData("Storage:S3:Bucket", "Upper", "Storage:S3:Bucket")]
    [InlineData("Storage:S3:AccessKey", "", "Storage__S3__AccessKey")]
    [InlineData("Storage:S3:SecretKey", " ", "Storage__S3__SecretKey")]
    [InlineData("Storage:S3:Region", "", "Storage__S3__Region")]
    public void Configuration_OneSettingWrong_IsNamedAlone(string key, string value, string named)
    {
        var settings = WholeS3();
        settings[key] = value;

        var error = Assert.Throws<OptionsValidationException>(() => Store(settings));

        Assert.Contains(named, Assert.Single(error.Failures), StringComparison.Ordinal);
    }

    private static Dictionary<string, string?> WholeS3() => new()
    {
        ["Storage:Provider"] = "s3",
        ["Storage:S3:Endpoint"] = "https://objects.example:9000",
        ["Storage:S3:Bucket"] = "continual",
        ["Storage:S3:AccessKey"] = "key",
        ["Storage:S3:SecretKey"] = "secret",
    };

    private IObjectStore Store(Dictionary<string, string?> settings)
    {
        using var services = new ServiceCollection()
            .AddSingleton(new DataFolder(_folder.Path))
            .AddSingleton(TimeProvider.System)
            .AddObjectStore(new ConfigurationBuilder().AddInMemoryCollection(settings).Build())
            .BuildServiceProvider();
        return services.GetRequiredService<IObjectStore>();
    }
}
