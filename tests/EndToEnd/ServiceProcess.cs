using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using ContinualService.TestKit;
using Xunit;

namespace ContinualService.EndToEnd;

/// <summary>The service as its own process on a folder of a test's own; it can be killed and started again on the same folder.</summary>
internal sealed class ServiceProcess : IAsyncDisposable
{
    public const string Model = "tiny";
    public const string Key = "end-to-end-key";
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly string _folder = Directory.CreateTempSubdirectory("end-to-end-").FullName;
    private readonly int _port = FreePort();
    private readonly StringBuilder _log = new();
    private Process? _process;

    public ServiceProcess()
    {
        TinyModelFolder.Write(Path.Combine(_folder, "models"), Model);
        Client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{_port}") };
        Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
    }

    public HttpClient Client { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async Task StartAsync()
    {
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList =
            {
                Checkout.Program("ContinualService.Api.dll"), "--urls", $"http://127.0.0.1:{_port}", $"--Data:Root={_folder}/data",
                $"--Models:Root={_folder}/models", $"--Auth:BootstrapKey={Key}", "--Training:Threads=1",
            },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        _process.OutputDataReceived += Log;
        _process.ErrorDataReceived += Log;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await UntilAsync("the service is ready", async () =>
        {
            Assert.False(_process.HasExited, $"The service ended at its start.\n{LogSoFar()}");
            try
            {
                using var response = await Client.GetAsync(new Uri("/health/ready", UriKind.Relative), Token);
                return response.IsSuccessStatusCode;
            }
            catch (HttpRequestException) // not listening yet
            {
                return false;
            }
        });
    }

    /// <summary>SIGKILL to the service alone: its training process is left to notice by itself.</summary>
    public async Task KillAsync()
    {
        _process!.Kill(entireProcessTree: false);
        await _process.WaitForExitAsync(Token);
        _process.Dispose();
        _process = null;
    }

    /// <summary>Ids of the training processes of this service's data folder.</summary>
    public IReadOnlyList<int> TrainingProcesses() =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Where(folder => int.TryParse(Path.GetFileName(folder), out _))
            .Where(folder => CommandLine(folder) is { } line && line.Contains("run-task", StringComparison.Ordinal) && line.Contains(_folder, StringComparison.Ordinal))
            .Select(folder => int.Parse(Path.GetFileName(folder), System.Globalization.CultureInfo.InvariantCulture)),
    ];

    public async Task<JsonNode> GetAsync(string path)
    {
        using var response = await Client.GetAsync(new Uri(path, UriKind.Relative), Token);
        return await ReadAsync(response);
    }

    public async Task<JsonNode> PostAsync(string path, JsonNode body)
    {
        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await Client.PostAsync(new Uri(path, UriKind.Relative), content, Token);
        return await ReadAsync(response);
    }

    public Task<byte[]> DownloadAsync(string path) => Client.GetByteArrayAsync(new Uri(path, UriKind.Relative), Token);

    /// <summary>Sends ten rows as a task and answers its id.</summary>
    public async Task<string> SubmitAsync(string adapter, JsonObject hyperparameters, string answer = "yes")
    {
        var rows = Enumerable.Range(0, 10).Select(row => (JsonNode)new JsonObject { ["prompt"] = $"question {row}", ["completion"] = row % 2 == 0 ? answer : "no" });
        var task = await PostAsync("/tasks", new JsonObject { ["adapter"] = adapter, ["name"] = answer, ["examples"] = new JsonArray([.. rows]), ["hyperparameters"] = hyperparameters });
        return (string)task["id"]!;
    }

    public async Task<string> CreateAdapterAsync(string name)
    {
        await PostAsync("/adapters", new JsonObject { ["name"] = name, ["model"] = Model, ["rank"] = 4, ["alpha"] = 8, ["targetModules"] = "all-linear" });
        return name;
    }

    /// <summary>Waits for the task's end and answers its last state.</summary>
    public async Task<JsonNode> FinishedAsync(string taskId)
    {
        JsonNode task = new JsonObject();
        await UntilAsync($"task {taskId} ends", async () =>
        {
            task = await GetAsync($"/tasks/{taskId}");
            return (string?)task["status"] is "succeeded" or "failed" or "cancelled";
        });
        return task;
    }

    public async Task UntilAsync(string what, Func<Task<bool>> condition)
    {
        var start = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < s_patience, $"Waited in vain until {what}. The service's log:\n{LogSoFar()}");
            await Task.Delay(50, Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false }) await KillAsync();
        Client.Dispose();
        await UntilAsync("no training process is left", () => Task.FromResult(TrainingProcesses().Count == 0));
        Directory.Delete(_folder, recursive: true);
    }

    private void Log(object sender, DataReceivedEventArgs line)
    {
        lock (_log) _log.AppendLine(line.Data);
    }

    private string LogSoFar()
    {
        lock (_log) return _log.ToString();
    }

    private async Task<JsonNode> ReadAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync(Token);
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}: {text}\n{LogSoFar()}");
        return JsonNode.Parse(text)!;
    }

    private static string? CommandLine(string procFolder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(procFolder, "cmdline"));
        }
        catch (IOException) // the process has ended meanwhile
        {
            return null;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
