using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace ContinualService.Deploy.Tests.Images;

/// <summary>
/// Runs the build stage of the Dockerfile as it stands, in a folder that holds nothing but what the stage copies, and starts what it published
/// the way the image does: no container engine is needed for that.
/// </summary>
public sealed class BuildStageTests
{
    private const string Key = "a-key-for-this-test-only";

    [Fact]
    public async Task BuildStage_OfTheCpuImage_PublishesProgramsThatStart()
    {
        using var scratch = new ScratchFolder();
        var image = new Dockerfile(Repository.Read("Dockerfile"));
        var published = Path.Combine(scratch.Path, "publish");

        foreach (var (keyword, arguments) in image.Stage("build"))
        {
            if (keyword == "COPY") CopyTracked(arguments, Path.Combine(scratch.Path, "source"));
            if (keyword == "RUN") await BuildAsync(arguments.Replace("/publish", published, StringComparison.Ordinal), Path.Combine(scratch.Path, "source"));
        }

        await using var service = await StartAsync(image, scratch, published);
        // The probes of the manifests, and a request that runs the native library.
        foreach (var path in new[] { ServiceRoutes.Live, ServiceRoutes.Ready }) (await service.Client.GetAsync(path, TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
        var answer = await service.Client.PostAsJsonAsync("/v1/completions", new { model = "tiny-llama", prompt = "hello", max_tokens = 2 }, TestContext.Current.CancellationToken);
        var body = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, body);
        Assert.Equal("2", JsonNode.Parse(body)!["usage"]!["completion_tokens"]!.ToString());
        Assert.True(File.Exists(Path.Combine(published, "ContinualService.Worker.deps.json")), "the worker is not published as a program of its own");
        Assert.Equal(0, (await Tool.RunAsync(Repository.PathOf("deploy/health-check.sh"), [$"{service.Client.BaseAddress!.Port}", ServiceRoutes.Live])).Status);
    }

    // Tracked files only: what is ignored (build output, local data) is not in a clean context either.
    private static void CopyTracked(string arguments, string folder)
    {
        var (sources, target) = Dockerfile.Copy(arguments);
        foreach (var source in sources)
        {
            var from = Repository.PathOf(source);
            var files = File.Exists(from)
                ? [(from, Path.Combine(target, Path.GetFileName(from)))]
                : Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories)
                    .Where(file => !file.Contains("/bin/", StringComparison.Ordinal) && !file.Contains("/obj/", StringComparison.Ordinal))
                    .Select(file => (file, Path.Combine(target, Path.GetRelativePath(from, file))));
            foreach (var (file, place) in files)
            {
                var copy = Path.Combine(folder, place);
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }
        }
    }

    private static async Task BuildAsync(string command, string folder)
    {
        // No build server stays behind, and no other variable of this machine reaches the build than where its packages are.
        var environment = new Dictionary<string, string> { ["MSBUILDDISABLENODEREUSE"] = "1", ["UseSharedCompilation"] = "false", ["DOTNET_NOLOGO"] = "1" };
        foreach (var name in new[] { "NUGET_PACKAGES", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE" })
            if (Environment.GetEnvironmentVariable(name) is { } value)
                environment[name] = value;
        (await Tool.RunAsync("/bin/sh", ["-c", command], environment, folder)).Succeeded();
    }

    private static async Task<RunningService> StartAsync(Dockerfile image, ScratchFolder scratch, string published)
    {
        var start = new ProcessStartInfo("dotnet", ["ContinualService.Api.dll", "--urls", "http://127.0.0.1:0"])
        {
            WorkingDirectory = published,
            RedirectStandardOutput = true,
        };
        foreach (var (name, value) in image.Environment("runtime")) start.Environment[name] = value;
        start.Environment["Data__Root"] = Path.Combine(scratch.Path, "data");
        start.Environment["Models__Root"] = Repository.PathOf("models");
        start.Environment["Auth__BootstrapKey"] = Key;
        start.Environment["Logging__LogLevel__Microsoft.Hosting.Lifetime"] = "Information";
        var process = Process.Start(start)!;
        try
        {
            const string Listening = "Now listening on: ";
            while (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
            {
                var at = line.IndexOf(Listening, StringComparison.Ordinal);
                if (at >= 0) return new RunningService(process, line[(at + Listening.Length)..].Trim(), Key);
            }

            throw new InvalidOperationException($"The published service ended with status {process.ExitCode} before it listened.");
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            process.Dispose();
            throw;
        }
    }
}
