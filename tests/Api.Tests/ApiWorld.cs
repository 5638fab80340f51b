using System.Net.Http.Headers;
using ContinualService.Api.Errors;
using ContinualService.Api.Tenants;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using ContinualService.TestKit;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace ContinualService.Api.Tests;

/// <summary>The service on a free port over folders of its own, with two tiny models and two tenants. Tasks are queued but never trained, unless a test asks for it.</summary>
public sealed class ApiWorld : IAsyncDisposable
{
    public const string FirstKey = "first-tenant-key";
    private const int UploadLimit = 64 * 1024;

    private readonly string _root = Directory.CreateTempSubdirectory("api-tests-").FullName;
    private readonly WebApplicationFactory<ProblemBody> _factory;

    public ApiWorld()
        : this(new Dictionary<string, string>())
    {
    }

    /// <param name="settings">Settings beyond the usual ones; an empty value takes one away.</param>
    /// <param name="runsTasks">Whether tasks are trained too.</param>
    internal ApiWorld(IReadOnlyDictionary<string, string> settings, bool runsTasks = false)
    {
        TinyModelFolder.Write(ModelsRoot, "tiny");
        TinyModelFolder.Write(ModelsRoot, "other", seed: 2);
        var all = new Dictionary<string, string>
        {
            ["urls"] = "http://127.0.0.1:0",
            ["Data:Root"] = DataRoot,
            ["Models:Root"] = ModelsRoot,
            ["Models:Default"] = "tiny",
            ["Auth:BootstrapKey"] = FirstKey,
            ["Limits:MaxUploadBytes"] = UploadLimit.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        foreach (var (key, value) in settings) all[key] = value;
        _factory = new WebApplicationFactory<ProblemBody>().WithWebHostBuilder(host =>
        {
            foreach (var (key, value) in all.Where(setting => setting.Value.Length > 0)) host.UseSetting(key, value);
            if (!runsTasks) host.ConfigureTestServices(services => services.Replace(ServiceDescriptor.Singleton<ITaskQueue, IdleQueue>()));
        });
        // A real server: body limits and streams behave as they will for clients.
        _factory.UseKestrel();
        _factory.StartServer();
        Client = CreateClient(FirstKey);
    }

    public string DataRoot => Path.Combine(_root, "data");

    public string ModelsRoot => Path.Combine(_root, "models");

    /// <summary>Sends the first tenant's key.</summary>
    public HttpClient Client { get; }

    public IServiceProvider Services => _factory.Services;

    public HttpClient CreateClient(string? key)
    {
        var address = Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First();
        var client = new HttpClient { BaseAddress = new Uri(address) };
        if (key is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    /// <summary>A client of a tenant made for one test.</summary>
    public async Task<HttpClient> CreateTenantAsync()
    {
        await using var scope = Services.CreateAsyncScope();
        var key = await scope.ServiceProvider.GetRequiredService<TenantFactory>().CreateAsync(Guid.NewGuid().ToString("N"), 1, null, CancellationToken.None);
        return CreateClient(key!);
    }

    /// <summary>Works on the rows behind the service's back.</summary>
    public async Task<T> WithDatabaseAsync<T>(Func<ServiceDbContext, Task<T>> work)
    {
        await using var scope = Services.CreateAsyncScope();
        return await work(scope.ServiceProvider.GetRequiredService<ServiceDbContext>());
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _factory.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    private sealed class IdleQueue : ITaskQueue
    {
        public bool JoinsTransactions => false;

        public long CountWaiting() => 0;

        public void EnqueueWith(System.Data.Common.DbConnection connection, string taskId)
        {
        }

        public void Enqueue(string taskId)
        {
        }
    }
}
