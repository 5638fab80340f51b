using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ContinualService.Deploy.Tests.Images;

/// <summary>What must hold in each Dockerfile.</summary>
internal static partial class ImageRules
{
    private static readonly string[] BuildOnly = ["DOTNET_CLI_TELEMETRY_OPTOUT", "DOTNET_NOLOGO"];
    private static readonly string[] ForNvidia = ["NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"];

    /// <summary>What is wrong with a Dockerfile and the .dockerignore beside it; empty when they are right.</summary>
    public static List<string> Problems(string dockerfile, string dockerignore)
    {
        var image = new Dockerfile(dockerfile);
        var runtime = image.Stage("runtime");
        return
        [
            .. Bases(image), .. Sources(image, dockerignore), .. Runtime(runtime, image.Environment("runtime")),
            .. ServiceSettings.Problems(image.Environment("runtime").Keys.Except(ForNvidia), "ENV"),
            .. image.Environment("build").Keys.Except(BuildOnly).Select(name => $"ENV {name} of the build is of no use"),
        ];
    }

    private static IEnumerable<string> Bases(Dockerfile image)
    {
        var bases = image.All("FROM").ToList();
        foreach (var name in bases.Where(name => !ExactTag().IsMatch(name))) yield return $"FROM {name} is not pinned to one patch version and distribution";
        var needed = JsonNode.Parse(Repository.Read("global.json"))!["sdk"]!["version"]!.GetValue<string>();
        var given = ExactTag().Match(bases[0]).Groups[1].Value;
        // rollForward latestFeature: the same feature band or a later one.
        if (!Version.TryParse(given, out var version) || version < Version.Parse(needed))
            yield return $"FROM {bases[0]} is older than global.json asks for";
    }

    private static IEnumerable<string> Sources(Dockerfile image, string dockerignore)
    {
        var kept = dockerignore.Split('\n').Where(line => line.StartsWith('!')).Select(line => line[1..].TrimEnd('/')).ToHashSet();
        var copied = image.All("COPY").SelectMany(arguments => Dockerfile.Copy(arguments).Sources).Select(source => source.TrimEnd('/')).ToHashSet();
        foreach (var source in copied)
        {
            if (!Path.Exists(Repository.PathOf(source))) yield return $"COPY {source}: there is no such file";
            if (!kept.Contains(source)) yield return $"COPY {source}: .dockerignore keeps it away";
        }

        foreach (var unused in kept.Except(copied)) yield return $".dockerignore lets {unused} in, which nothing copies";
    }

    private static IEnumerable<string> Runtime(IReadOnlyList<(string Keyword, string Arguments)> runtime, Dictionary<string, string> environment)
    {
        string? Last(string keyword) => runtime.LastOrDefault(instruction => instruction.Keyword == keyword).Arguments;
        if (Last("USER") != "$APP_UID") yield return "USER: the image runs as root";
        if (Last("HEALTHCHECK") is not { } check || !check.Contains($"\"{ServiceRoutes.Live}\"", StringComparison.Ordinal))
            yield return $"HEALTHCHECK: nothing asks for {ServiceRoutes.Live}";
        var port = ServiceRoutes.PortOf((Last("CMD") ?? "").Trim('[', ']', '"').Split("\", \""));
        if (port is null || Last("HEALTHCHECK")?.Contains($"\"{port}\"", StringComparison.Ordinal) != true)
            yield return "HEALTHCHECK: it asks another port than the one of CMD";
        if (Last("ENTRYPOINT") != "[\"dotnet\"]") yield return "ENTRYPOINT: it is not dotnet";
        if (Last("EXPOSE") != $"{ServiceRoutes.ApiPort} {ServiceRoutes.WorkerPort}")
            yield return "EXPOSE: not the ports of the API and of the worker";
        if (environment.GetValueOrDefault("ASPNETCORE_HTTP_PORTS") != $"{ServiceRoutes.ApiPort}")
            yield return "ENV: the API listens on another port";
        if (environment.GetValueOrDefault("Worker__Urls") != $"http://+:{ServiceRoutes.WorkerPort}")
            yield return "ENV: the worker listens on another port or on no outer address";
        if (environment.GetValueOrDefault("Data__Root") != Last("VOLUME")) yield return "VOLUME: it is not the data folder";
        if (runtime.All(instruction => instruction.Keyword != "COPY" || Dockerfile.Copy(instruction.Arguments).Target.TrimEnd('/') != environment.GetValueOrDefault("Models__Root")))
            yield return "COPY: the folder of models is empty";
        if (!runtime.Any(instruction => instruction.Keyword == "RUN" && instruction.Arguments.Contains("libtcmalloc-minimal4", StringComparison.Ordinal)))
            yield return "RUN: tcmalloc is missing";
    }

    [GeneratedRegex("^mcr\\.microsoft\\.com/dotnet/(?:sdk|aspnet):([0-9]+\\.[0-9]+\\.[0-9]+)-noble AS [a-z]+$")]
    private static partial Regex ExactTag();
}
