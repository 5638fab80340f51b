using System.Text;
using ContinualService.TestKit.Servers;
using Minio;
using Minio.DataModel.Args;
using Minio.DataModel.Response;
using Minio.Exceptions;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Servers;

public sealed class S3ServerTests
{
    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Request_WithAnotherSecretKey_IsRefused()
    {
        var server = await S3Server.SharedAsync();
        var bucket = await server.CreateBucketAsync(_token);
        using var right = Client(server, server.SecretKey);
        using var wrong = Client(server, server.SecretKey[..^1] + "x");

        await PutAsync(right, bucket);

        await Assert.ThrowsAsync<AuthorizationException>(() => PutAsync(wrong, bucket));
    }

    [Fact]
    public async Task Restart_Server_KeepsItsObjects()
    {
        await using var server = await S3Server.StartNewAsync();
        var bucket = await server.CreateBucketAsync(_token);
        using var client = Client(server, server.SecretKey);
        await PutAsync(client, bucket);

        await server.StopAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => PutAsync(client, bucket));
        await server.StartAsync();

        Assert.Equal(4, (await client.StatObjectAsync(new StatObjectArgs().WithBucket(bucket).WithObject("key"), _token)).Size);
    }

    private static IMinioClient Client(S3Server server, string secretKey) => new MinioClient()
        .WithEndpoint(new Uri(server.Endpoint).Authority).WithSSL(false).WithRegion("us-east-1").WithCredentials(server.AccessKey, secretKey).Build();

    private Task<PutObjectResponse> PutAsync(IMinioClient client, string bucket) => client.PutObjectAsync(
        new PutObjectArgs().WithBucket(bucket).WithObject("key").WithStreamData(new MemoryStream(Encoding.UTF8.GetBytes("kept"))).WithObjectSize(4), _token);
}
