using System.Text.RegularExpressions;
using Xunit;

namespace ContinualService.Deploy.Tests.Compose;

public sealed partial class ComposeTests
{
    private const string Example = "deploy/compose.env.example";
    private static readonly string Compose = Repository.Read("docker-compose.yml");
    private static readonly string[] AllProfiles = ["--profile", "cpu", "--profile", "gpu", "--profile", "monitoring"];

    [Fact]
    public void Compose_WithTheExampleSettings_HasNoProblem() => Assert.Empty(ComposeRules.Problems(Compose, Offered()));

    [Fact]
    public async Task Compose_WithTheExampleSettings_IsValidToCompose() =>
        (await Tool.RunAsync(Tool.Find("docker-compose"), ["--env-file", Repository.PathOf(Example), .. AllProfiles, "config"])).Succeeded();

    [Theory]
    [InlineData("POSTGRES_PASSWORD")]
    [InlineData("S3_ACCESS_KEY")]
    [InlineData("S3_SECRET_KEY")]
    [InlineData("BOOTSTRAP_KEY")]
    [InlineData("OPERATOR_KEY")]
    [InlineData("GRAFANA_PASSWORD")]
    public async Task Compose_WithoutASecret_RefusesAndNamesIt(string name)
    {
        using var scratch = new ScratchFolder();
        var settings = scratch.Write(".env", Regex.Replace(Repository.Read(Example), $"(?m)^{name}=.*$", $"{name}="));

        var result = await Tool.RunAsync(Tool.Find("docker-compose"), ["--env-file", settings, "config"]);

        Assert.NotEqual(0, result.Status);
        Assert.Contains(name, result.Errors, StringComparison.Ordinal);
        Assert.Contains($"set it in .env, see {Example}", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Compose_EachVariable_IsInTheExample()
    {
        var used = Variable().Matches(Compose).Select(match => match.Groups[1].Value).Distinct();
        var offered = Offered().Keys;

        Assert.Equal(used.Append("COMPOSE_PROFILES").Order(), offered.Order());
    }

    [Fact]
    public void Compose_EachSecret_IsAPlaceholderInTheExampleAndHasNoDefault()
    {
        var required = Regex.Matches(Compose, "\\$\\{([A-Z0-9_]+):\\?").Select(match => match.Groups[1].Value).ToHashSet();
        var placeholders = Offered().Where(setting => setting.Value.StartsWith("CHANGE-ME-", StringComparison.Ordinal)).Select(setting => setting.Key).ToHashSet();

        Assert.Equal(required.Order(), placeholders.Order());
    }

    [Theory]
    [InlineData("image: postgres:17.11", "image: postgres", "is not pinned")]
    [InlineData("image: postgres:17.11", "image: postgres:latest", "is not pinned")]
    [InlineData("${LISTEN_ADDRESS:-127.0.0.1}:${API_PORT:-5080}:5080", "5080:5080", "is open to other machines")]
    [InlineData("${API_PORT:-5080}:5080", "${API_PORT:-5080}:8080", "it publishes 127.0.0.1:5080:8080")]
    [InlineData("restart: unless-stopped", "restart: \"no\"", "the restart policy is no")]
    [InlineData("condition: service_healthy", "condition: service_started", "only until service_started")]
    [InlineData("condition: service_completed_successfully", "condition: service_started", "only until service_started")]
    [InlineData("stop_grace_period: 10m", "stop_grace_period: 8m", "no time to write its checkpoint")]
    [InlineData("Storage__S3__Bucket", "Storage__S3__Bukket", "no setting Storage__S3__Bukket")]
    [InlineData("read_only: true", "read_only: false", "can be written")]
    [InlineData("- ALL", "- NET_RAW", "keeps privileges")]
    [InlineData("no-new-privileges:true", "no-new-privileges:false", "keeps privileges")]
    [InlineData("- /tmp", "- /temp", "/tmp cannot be written")]
    [InlineData("[ContinualService.Worker.dll]", "[ContinualService.Works.dll]", "the command is another one")]
    [InlineData("/health/ready]", "/healthz]", "asks another port or path")]
    [InlineData("\"5081\"", "\"5080\"", "asks another port or path")]
    [InlineData(":/models:ro", ":/models", "the models are missing or can be written")]
    [InlineData("- /data\n", "- worker-data:/data\n", "/data is not its own")]
    [InlineData("dockerfile: Dockerfile.gpu", "dockerfile: Dockerfile", "it is not built from Dockerfile.gpu")]
    [InlineData("driver: nvidia", "driver: amd", "no GPU is reserved")]
    [InlineData("Training__Device: cuda", "Training__Device: cpu", "it trains on processors")]
    [InlineData("profiles: [gpu]", "profiles: [cpu]", "it is not in the profile gpu")]
    [InlineData("/deploy/prometheus:", "/deploy/prometeus:", "to mount")]
    [InlineData("s3-data:/data", "postgres-data:/data", "the volume s3-data is used by nothing")]
    [InlineData("Host=postgres", "Host=database", "no database at database:5432")]
    [InlineData("POSTGRES_USER: continual", "POSTGRES_USER: other", "the Username of the connection")]
    [InlineData("Storage__S3__Endpoint: http://s3:9000", "Storage__S3__Endpoint: http://s3:9001", "no object store at")]
    [InlineData("MINIO_ROOT_USER: $", "MINIO_ROOT_USER: not-$", "the keys are not the object store's")]
    public void Compose_BrokenCopy_IsFound(string text, string broken, string problem)
    {
        Assert.Contains(text, Compose, StringComparison.Ordinal);

        var found = ComposeRules.Problems(Compose.Replace(text, broken, StringComparison.Ordinal), Offered());

        Assert.Contains(found, message => message.Contains(problem, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Compose_WithAKeyThatComposeDoesNotKnow_IsRefused()
    {
        using var scratch = new ScratchFolder();
        var file = scratch.Write("docker-compose.yml", Compose.Replace("shm_size:", "shm_sise:", StringComparison.Ordinal));

        Assert.NotEqual(0, (await Tool.RunAsync(Tool.Find("docker-compose"), ["--file", file, "--env-file", Repository.PathOf(Example), "config"])).Status);
    }

    private static Dictionary<string, string> Offered() =>
        Setting().Matches(Repository.Read(Example)).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);

    [GeneratedRegex("\\$\\{([A-Z0-9_]+)")]
    private static partial Regex Variable();

    [GeneratedRegex("^([A-Z0-9_]+)=(.*)$", RegexOptions.Multiline)]
    private static partial Regex Setting();
}
