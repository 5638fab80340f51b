using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using ContinualService.TestKit.Servers;

namespace ContinualService.TestKit.Cluster;

/// <summary>
/// The service as it runs in production, as processes of this machine: one Api, several workers, PostgreSQL and an S3 store that they share, and nothing else.
/// The programs are the published ones (<see cref="Checkout.Program"/>).
/// </summary>
public sealed class ServiceCluster : IAsyncDisposable
{
    public const string Model = "tiny";
    private const string Key = "cluster-key";
    private readonly ServerFolder _folder = new("cluster-", "KILL");
    private readonly List<ClusterProcess> _workers = [];
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly int _port = FreePort.Next();
    private readonly bool _ownsServers;

    private ServiceCluster(PostgresServer postgres, S3Server s3, string connectionString, string bucket, IReadOnlyDictionary<string, string> settings, bool ownsServers = true)
    {
        _ownsServers = ownsServers;
        (Postgres, S3, ConnectionString, Bucket, _settings) = (postgres, s3, connectionString, bucket, settings);
        // In production the collector spares what is young; a trial cannot wait for a day.
        _folder.Environment["ASPNETCORE_ENVIRONMENT"] = "Testing";
        TinyModelFolder.Write(Path.Combine(_folder.Path, "models"), Model);
        Api = new ClusterProcess(_folder, "api", Command("ContinualService.Api.dll", "api", "--urls", $"http://127.0.0.1:{_port}"), new Uri($"http://127.0.0.1:{_port}/health/live"));
        Client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{_port}") };
        Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
    }

    public PostgresServer Postgres { get; }

    public S3Server S3 { get; }

    public string ConnectionString { get; }

    public string Bucket { get; }

    public ClusterProcess Api { get; }

    public IReadOnlyList<ClusterProcess> Workers => _workers;

    /// <summary>Sends the first tenant's key.</summary>
    public HttpClient Client { get; }

    /// <summary>Starts servers and processes; returns when all say that they live.</summary>
    /// <param name="workers">How many.</param>
    /// <param name="settings">Settings beyond those that name the servers, for all processes.</param>
    public static async Task<ServiceCluster> StartAsync(int workers, IReadOnlyDictionary<string, string> settings)
    {
        var postgres = await PostgresServer.StartNewAsync(durable: true);
        var s3 = await S3Server.StartNewAsync();
        var cluster = new ServiceCluster(postgres, s3, await postgres.CreateDatabaseAsync(), await s3.CreateBucketAsync(), settings);
        try
        {
            await cluster.Api.StartAsync();
            await Task.WhenAll(Enumerable.Range(1, workers).Select(_ => cluster.AddWorkerAsync()));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The same service on another database and bucket of this cluster's servers, without a process yet; dispose of it before this one.</summary>
    public ServiceCluster On(string connectionString, string bucket) => new(Postgres, S3, connectionString, bucket, _settings, ownsServers: false);

    public async Task<ClusterProcess> AddWorkerAsync()
    {
        ClusterProcess worker;
        lock (_workers)
        {
            var (name, port) = ($"worker-{_workers.Count + 1}", FreePort.Next());
            worker = new ClusterProcess(_folder, name, Command("ContinualService.Worker.dll", name, $"--Worker:Urls=http://127.0.0.1:{port}"), new Uri($"http://127.0.0.1:{port}/health/live"));
            _workers.Add(worker);
        }

        await worker.StartAsync();
        return worker;
    }

    /// <summary>Runs a command of the Api's program, such as <c>create-tenant</c>, to its end.</summary>
    /// <returns>What it printed.</returns>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public async Task<string> RunAsync(params string[] command)
    {
        var name = "command-" + Guid.NewGuid().ToString("N")[..8];
        await _folder.RunAsync(name, Command("ContinualService.Api.dll", name, [], before: command));
        return await File.ReadAllTextAsync(Path.Combine(_folder.Path, name + ".log"));
    }

    public async Task<JsonNode> GetAsync(string path)
    {
        using var response = await Client.GetAsync(new Uri(path, UriKind.Relative));
        return await ReadAsync(response);
    }

    public async Task<JsonNode> PostAsync(string path, JsonNode body)
    {
        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await Client.PostAsync(new Uri(path, UriKind.Relative), content);
        return await ReadAsync(response);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _folder.DisposeAsync();
        if (!_ownsServers) return;
        await Postgres.DisposeAsync();
        await S3.DisposeAsync();
    }

    private List<string> Command(string program, string name, params string[] options) => Command(program, name, options, before: []);

    private List<string> Command(string program, string name, IReadOnlyList<string> options, IReadOnlyList<string> before) =>
    [
        "dotnet", Checkout.Program(program), .. before, .. options,
        $"--Data:Root={_folder.Path}/{name}/data", $"--Models:Root={_folder.Path}/models", $"--Auth:BootstrapKey={Key}",
        "--Database:Provider=postgresql", $"--Database:ConnectionString={ConnectionString}",
        "--Storage:Provider=s3", $"--Storage:S3:Endpoint={S3.Endpoint}", $"--Storage:S3:Bucket={Bucket}", $"--Storage:S3:AccessKey={S3.AccessKey}", $"--Storage:S3:SecretKey={S3.SecretKey}",
        .. _settings.Select(setting => $"--{setting.Key}={setting.Value}"),
    ];

    private async Task<JsonNode> ReadAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        if (!response.IsSuccessStatusCode) throw new HttpRequestException($"{(int)response.StatusCode}: {text}\n{_folder.LogTail(Api.Name)}", null, response.StatusCode);
        return JsonNode.Parse(text)!;
    }
}
