using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Storage;
using ContinualService.TestKit.Servers;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace ContinualService.Worker.Tests;

/// <summary>Training with the objects in S3, where the training process cannot open them as files.</summary>
public sealed class ObjectStorageTests
{
    private static readonly Hyperparameters Short = new() { Epochs = 1, BatchSize = 4 };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_SecondTaskOfAnAdapterInS3_GoesOnFromTheStoredState()
    {
        var server = await S3Server.SharedAsync();
        await using var service = new TestService(new Dictionary<string, string?>
        {
            ["Storage:Provider"] = "s3",
            ["Storage:S3:Endpoint"] = server.Endpoint,
            ["Storage:S3:Bucket"] = await server.CreateBucketAsync(Token),
            ["Storage:S3:AccessKey"] = server.AccessKey,
            ["Storage:S3:SecretKey"] = server.SecretKey,
        });
        await service.PrepareAsync();
        await service.StartAsync();
        var adapterId = await service.AddAdapterAsync();
        var first = await service.AddTaskAsync(adapterId, "red", Short);
        var second = await service.AddTaskAsync(adapterId, "blue", Short);

        Assert.Equal(1, (await service.WaitForEndAsync(first)).VersionNumber);
        Assert.Equal(2, (await service.WaitForEndAsync(second)).VersionNumber);

        await using var database = service.Open();
        var version = await database.Versions.SingleAsync(row => row.Number == 2, Token);
        Assert.Equal(2, version.TaskIndex);
        var stored = await service.Services.GetRequiredService<IObjectStore>().ListAsync(Token).Select(found => found.Sha256).ToListAsync(Token);
        Assert.Contains(version.Sha256, stored);
        Assert.Contains(version.StateSha256, stored);
        Assert.Empty(Directory.EnumerateFiles(service.Data.Root, "*.safetensors", SearchOption.AllDirectories));
    }
}
