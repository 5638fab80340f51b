using System.Diagnostics;
using Minio;
using Minio.DataModel.Args;
using Minio.Exceptions;

namespace ContinualService.TestKit.Servers;

/// <summary>
/// A throwaway S3 server on free loopback ports: Ceph's gateway before one monitor and one storage process that keeps its objects in memory.
/// It checks signatures and conditional requests as production servers do. It ends, and its folder is deleted, on disposal and when the test
/// program ends in any way.
/// </summary>
public sealed class S3Server : IAsyncDisposable
{
    private const string GatewayUser = "client.rgw.test";
    private const int StartAttempts = 3;
    private static readonly Lazy<Task<S3Server>> SharedServer = new(() => StartNewAsync());
    private readonly ServerFolder _folder = new("continual-s3-", "KILL");
    private readonly int _gatewayPort = FreePort.Next();
    private readonly int _monitorPort = FreePort.Next();
    private Process? _gateway;

    private S3Server()
    {
    }

    public string Endpoint => $"http://127.0.0.1:{_gatewayPort}";

    /// <summary>New for every server: the keys of one are refused by every other.</summary>
    public string AccessKey { get; } = "test-" + Guid.NewGuid().ToString("N")[..12];

    public string SecretKey { get; } = Guid.NewGuid().ToString("N");

    /// <summary>One server for all tests of this program, started at the first call; it ends with the program. Tests that stop a server start their own.</summary>
    public static Task<S3Server> SharedAsync() => SharedServer.Value;

    /// <summary>Starts a server of the caller's own; takes about two seconds.</summary>
    /// <exception cref="FileNotFoundException">Ceph is not installed; the message says what to install.</exception>
    /// <exception cref="InvalidOperationException">It does not start; the message holds what it printed last.</exception>
    public static async Task<S3Server> StartNewAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            var server = new S3Server();
            try
            {
                await server.MakeClusterAsync();
                await server.StartAsync();
                return server;
            }
            catch (InvalidOperationException) when (attempt < StartAttempts)
            {
                // Another program may have taken one of the ports in between: the next attempt uses others.
                await server.DisposeAsync();
            }
            catch
            {
                await server.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Makes an empty bucket of a new name.</summary>
    public async Task<string> CreateBucketAsync(CancellationToken cancellationToken = default)
    {
        var name = "b" + Guid.NewGuid().ToString("N");
        using var client = Client();
        await client.MakeBucketAsync(new MakeBucketArgs().WithBucket(name), cancellationToken);
        return name;
    }

    /// <summary>Puts other bytes under a key, behind the service's back.</summary>
    public async Task OverwriteAsync(string bucket, string key, byte[] content, CancellationToken cancellationToken = default)
    {
        using var client = Client();
        await client.PutObjectAsync(new PutObjectArgs().WithBucket(bucket).WithObject(key).WithStreamData(new MemoryStream(content)).WithObjectSize(content.Length), cancellationToken);
    }

    /// <summary>Deletes the object of a key, behind the service's back.</summary>
    public async Task DeleteAsync(string bucket, string key, CancellationToken cancellationToken = default)
    {
        using var client = Client();
        await client.RemoveObjectAsync(new RemoveObjectArgs().WithBucket(bucket).WithObject(key), cancellationToken);
    }

    /// <summary>Ends the gateway at once: connections are refused from then on. The objects stay for the next <see cref="StartAsync"/>.</summary>
    public async Task StopAsync()
    {
        if (_gateway is null) return;
        await ServerFolder.EndAsync(_gateway, "KILL");
        _gateway.Dispose();
        _gateway = null;
    }

    /// <summary>Starts the stopped gateway and returns when it answers.</summary>
    /// <exception cref="InvalidOperationException">It did not start; the message holds what it printed last.</exception>
    public async Task StartAsync()
    {
        _gateway = _folder.Start("radosgw", RadosGateway(), "-f", "-n", GatewayUser);
        await _folder.WaitUntilReadyAsync("radosgw", _gateway, IsReadyAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _folder.DisposeAsync();
    }

    private static string RadosGateway() => InstalledProgram.Find("radosgw", "radosgw");

    private static string Monitor() => InstalledProgram.Find("ceph-mon", "ceph-mon");

    private static string Storage() => InstalledProgram.Find("ceph-osd", "ceph-osd");

    // Comes with each of the three.
    private static string Tool(string name) => InstalledProgram.Find(name, "ceph-common ceph-base");

    private async Task MakeClusterAsync()
    {
        var (cluster, storage) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString());
        var (keyring, map) = (Path.Combine(_folder.Path, "keyring"), Path.Combine(_folder.Path, "monmap"));
        var (monitor, storageServer) = (Monitor(), Storage());
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "ceph.conf"), Configuration(cluster));
        foreach (var data in (string[])["mon", "osd", "rgw"]) Directory.CreateDirectory(Path.Combine(_folder.Path, data));
        _folder.Environment["CEPH_CONF"] = Path.Combine(_folder.Path, "ceph.conf");
        _folder.Environment["CEPH_ARGS"] = "";

        // Step 1: a key for each process.
        var authtool = Tool("ceph-authtool");
        await _folder.RunAsync("ceph-authtool", authtool, "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *");
        foreach (var user in (string[])["client.admin", GatewayUser, "osd.0"])
            await _folder.RunAsync("ceph-authtool", authtool, keyring, "--gen-key", "-n", user, "--cap", "mon", "allow *", "--cap", "osd", "allow *");

        // Step 2: the monitor.
        await _folder.RunAsync("monmaptool", Tool("monmaptool"), "--create", "--fsid", cluster, "--addv", "a", $"[v2:127.0.0.1:{_monitorPort}/0]", map);
        await _folder.RunAsync("mon-mkfs", monitor, "--mkfs", "-i", "a", "--monmap", map, "--keyring", keyring);
        _folder.Start("ceph-mon", monitor, "-f", "-i", "a");

        // Step 3: the storage process.
        await _folder.RunAsync("osd-new", Tool("ceph"), "--connect-timeout", "20", "osd", "new", storage, "0");
        await _folder.RunAsync("osd-mkfs", storageServer, "-i", "0", "--mkfs", "--osd-uuid", storage);
        _folder.Start("ceph-osd", storageServer, "-f", "-i", "0");

        // Step 4: the user.
        await _folder.RunAsync("radosgw-admin", Tool("radosgw-admin"), "user", "create", "--uid=test", "--display-name=test", $"--access-key={AccessKey}", $"--secret-key={SecretKey}");
    }

    // One process of each kind and no copies; the short intervals are what makes it start in seconds.
    private string Configuration(string cluster) => $"""
        [global]
        fsid = {cluster}
        run dir = {_folder.Path}
        keyring = {_folder.Path}/keyring
        mon data = {_folder.Path}/mon
        osd data = {_folder.Path}/osd
        rgw data = {_folder.Path}/rgw
        admin socket =
        pid file =
        heartbeat file =
        log to file = false
        log to stderr = true
        mon cluster log to file = false
        public addr = 127.0.0.1
        cluster addr = 127.0.0.1
        ms bind ipv6 = false
        ms bind msgr1 = false
        mon initial members = a
        mon host = [v2:127.0.0.1:{_monitorPort}/0]
        mon allow pool size one = true
        mon max pg per osd = 1000
        mon data avail crit = 1
        mon tick interval = 1
        mon client hunt interval = 0.3
        mon client ping interval = 1
        paxos propose interval = 0.02
        paxos min wait = 0.01
        objecter tick interval = 0.2
        osd objectstore = memstore
        memstore device bytes = 8589934592
        osd crush chooseleaf type = 0
        osd pool default size = 1
        osd pool default min size = 1
        osd pool default pg num = 8
        osd pool default pgp num = 8
        osd pool default pg autoscale mode = off
        rgw frontends = beast endpoint=127.0.0.1:{_gatewayPort} tcp_nodelay=1
        rgw num rados handles = 1
        rgw thread pool size = 32

        """;

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Signed: another program's server that took the port a moment earlier refuses these keys.
            using var client = Client();
            await client.ListBucketsAsync(cancellationToken);
            return true;
        }
        catch (Exception notYet) when (notYet is MinioException or AuthorizationException or HttpRequestException)
        {
            return false;
        }
    }

    private IMinioClient Client() =>
        new MinioClient().WithEndpoint($"127.0.0.1:{_gatewayPort}").WithSSL(false).WithRegion("us-east-1").WithCredentials(AccessKey, SecretKey).Build();
}
