using Xunit;

namespace ContinualService.Deploy.Tests.Images;

public sealed class DockerfileTests
{
    private static readonly string Ignore = Repository.Read(".dockerignore");

    [Theory]
    [InlineData("Dockerfile")]
    [InlineData("Dockerfile.gpu")]
    public void Dockerfile_AsItIs_HasNoProblem(string name) => Assert.Empty(ImageRules.Problems(Repository.Read(name), Ignore));

    [Theory]
    [InlineData("sdk:10.0.401-noble", "sdk:latest", "is not pinned")]
    [InlineData("aspnet:10.0.12-noble", "aspnet:10.0", "is not pinned")]
    [InlineData("sdk:10.0.401-noble", "sdk:10.0.399-noble", "older than global.json")]
    [InlineData("COPY build/ build/", "COPY builds/ build/", "COPY builds: there is no such file")]
    [InlineData("COPY NOTICE", "COPY README.md", "COPY README.md: .dockerignore keeps it away")]
    [InlineData("COPY tools/native-compat/ tools/native-compat/", "", ".dockerignore lets tools/native-compat in")]
    [InlineData("USER $APP_UID", "USER root", "runs as root")]
    [InlineData("USER $APP_UID\n", "", "runs as root")]
    [InlineData("HEALTHCHECK", "LABEL", "nothing asks for /health/live")]
    [InlineData("\"/health/live\"", "\"/healthz\"", "nothing asks for /health/live")]
    [InlineData("\"5080\"", "\"5081\"", "another port than the one of CMD")]
    [InlineData("EXPOSE 5080 5081", "EXPOSE 8080", "EXPOSE")]
    [InlineData("ASPNETCORE_HTTP_PORTS=5080", "ASPNETCORE_HTTP_PORTS=8080", "the API listens on another port")]
    [InlineData("Worker__Urls=http://+:5081", "Worker__Urls=http://127.0.0.1:5081", "no outer address")]
    [InlineData("Data__Root=/data", "Data__Root=/var/data", "it is not the data folder")]
    [InlineData("Models__Root=/models", "Models__Folder=/models", "no setting Models__Folder")]
    [InlineData("COPY models/ /models/", "COPY models/ /app/", "the folder of models is empty")]
    [InlineData("libtcmalloc-minimal4t64", "libjemalloc2", "tcmalloc is missing")]
    [InlineData("ENTRYPOINT [\"dotnet\"]", "ENTRYPOINT [\"sh\"]", "it is not dotnet")]
    public void Dockerfile_BrokenCopy_IsFound(string text, string broken, string problem)
    {
        var dockerfile = Repository.Read("Dockerfile");
        Assert.Contains(text, dockerfile, StringComparison.Ordinal);

        var found = ImageRules.Problems(dockerfile.Replace(text, broken, StringComparison.Ordinal), Ignore);

        Assert.Contains(found, message => message.Contains(problem, StringComparison.Ordinal));
    }

    [Fact]
    public void Dockerfile_Gpu_DiffersOnlyInWhatGpusNeed()
    {
        var cpu = new Dockerfile(Repository.Read("Dockerfile")).Instructions;
        var gpu = new Dockerfile(Repository.Read("Dockerfile.gpu")).Instructions.Select(instruction => (instruction.Keyword, instruction.Arguments
            .Replace(" -p:TorchDevice=cuda", "", StringComparison.Ordinal).Replace("Training__Device=cuda", "", StringComparison.Ordinal)
            .Replace("NVIDIA_VISIBLE_DEVICES=all", "", StringComparison.Ordinal).Replace("NVIDIA_DRIVER_CAPABILITIES=compute,utility", "", StringComparison.Ordinal)
            .Replace("5081\", \"/health", "5080\", \"/health", StringComparison.Ordinal).Replace("Worker.dll", "Api.dll", StringComparison.Ordinal)));

        Assert.Equal(cpu.Select(Words), gpu.Select(Words));

        static string Words((string Keyword, string Arguments) instruction) =>
            string.Join(' ', $"{instruction.Keyword} {instruction.Arguments.Replace(" --locked-mode", "", StringComparison.Ordinal)}".Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Dockerfile_Gpu_BuildsEveryProgramWithCuda() =>
        Assert.All(new Dockerfile(Repository.Read("Dockerfile.gpu")).All("RUN").Where(command => command.StartsWith("dotnet ", StringComparison.Ordinal)),
            command => Assert.EndsWith(" -p:TorchDevice=cuda", command, StringComparison.Ordinal));
}
