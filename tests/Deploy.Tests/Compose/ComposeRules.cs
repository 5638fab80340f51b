using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ContinualService.Deploy.Tests.Compose;

/// <summary>What must hold in docker-compose.yml with its anchors resolved and its variables replaced.</summary>
internal sealed partial class ComposeRules
{
    private static readonly string[] Own = ["prepare", "api", "worker", "worker-gpu"];
    private readonly JsonObject _services;
    private readonly JsonObject _volumes;

    private ComposeRules(JsonNode resolved)
    {
        _services = resolved["services"]!.AsObject();
        _volumes = resolved["volumes"]!.AsObject();
    }

    /// <summary>What is wrong with the file; empty when it is right.</summary>
    /// <param name="compose">Its text.</param>
    /// <param name="settings">The variables of .env.</param>
    public static List<string> Problems(string compose, IReadOnlyDictionary<string, string> settings)
    {
        // ${NAME:-default} and ${NAME:?message}
        var rules = new ComposeRules(YamlDocument.Parse(Variable().Replace(compose, match => settings[match.Groups[1].Value])));
        return [.. rules.Every(), .. rules.OwnServices(), .. rules.Volumes(), .. rules.Connections()];
    }

    private IEnumerable<string> Every()
    {
        foreach (var (name, service) in _services)
        {
            var image = Text(service!["image"]);
            if (image.Split(':') is not [.., var tag] || !image.Contains(':', StringComparison.Ordinal) || tag.Contains("latest", StringComparison.Ordinal))
                yield return $"{name}: the image {image} is not pinned";
            foreach (var port in List(service["ports"]).Select(Text))
                if (!port.StartsWith("127.0.0.1:", StringComparison.Ordinal))
                    yield return $"{name}: the port {port} is open to other machines";
            var once = name == "prepare";
            if (Text(service["restart"]) != (once ? "no" : "unless-stopped"))
                yield return $"{name}: the restart policy is {service["restart"]}";
            if (!once && service["healthcheck"]?["test"] is null) yield return $"{name}: no health check";
            foreach (var (other, wait) in service["depends_on"]?.AsObject() ?? [])
            {
                var condition = Text(wait!["condition"]);
                if (condition != (other == "prepare" ? "service_completed_successfully" : "service_healthy"))
                    yield return $"{name}: it waits for {other} only until {condition}";
            }
        }
    }

    private IEnumerable<string> OwnServices()
    {
        foreach (var name in Own)
        {
            var service = _services[name]!;
            var environment = service["environment"]!.AsObject();
            foreach (var problem in ServiceSettings.Problems(environment.Select(variable => variable.Key), name)) yield return problem;
            if (Text(service["read_only"]) != "true") yield return $"{name}: the root file system can be written";
            if (!List(service["cap_drop"]).Select(Text).SequenceEqual(["ALL"])
                || !List(service["security_opt"]).Select(Text).SequenceEqual(["no-new-privileges:true"]))
                yield return $"{name}: it keeps privileges";
            if (!List(service["tmpfs"]).Select(Text).Contains("/tmp")) yield return $"{name}: /tmp cannot be written";
            var port = ServiceRoutes.PortOf(List(service["command"]).Select(Text));
            if (name == "prepare" ? port is not null : port is null) yield return $"{name}: the command is another one";
            if (port is not null && !List(service["healthcheck"]?["test"]).Select(Text).SequenceEqual(["CMD", "health-check", $"{port}", ServiceRoutes.Ready]))
                yield return $"{name}: the health check asks another port or path";
            foreach (var mapping in List(service["ports"]).Select(Text))
                if (!mapping.EndsWith($":{port}", StringComparison.Ordinal))
                    yield return $"{name}: it publishes {mapping} and listens on {port}";
            if (name != "prepare" && !List(service["volumes"]).Select(Text).Any(volume => volume.EndsWith(":/models:ro", StringComparison.Ordinal)))
                yield return $"{name}: the models are missing or can be written";
            // A named volume would be shared by the replicas of a service; every process needs a scratch folder of its own.
            if (name != "prepare" && !List(service["volumes"]).Select(Text).Contains("/data")) yield return $"{name}: /data is not its own";
            if (name.StartsWith("worker", StringComparison.Ordinal) && (!Text(service["stop_grace_period"]).EndsWith('m')
                || Number(Text(service["stop_grace_period"])[..^1]) * 60 < Number(Text(environment["Training__StopSeconds"])) + ServiceRoutes.AfterStopSeconds))
                yield return $"{name}: a stopping worker has no time to write its checkpoint";
            foreach (var needed in new[] { "postgres", "s3" })
                if (service["depends_on"]?[needed] is null)
                    yield return $"{name}: it does not wait for {needed}";
            if (name != "prepare" && service["depends_on"]?["prepare"] is null) yield return $"{name}: it does not wait for prepare";
            var dockerfile = name == "worker-gpu" ? "Dockerfile.gpu" : "Dockerfile";
            if (Text(service["build"]?["dockerfile"]) != dockerfile) yield return $"{name}: it is not built from {dockerfile}";
        }

        var gpu = List(_services["worker-gpu"]!["deploy"]?["resources"]?["reservations"]?["devices"]).SingleOrDefault();
        if (gpu is null || Text(gpu["driver"]) != "nvidia" || !List(gpu["capabilities"]).Select(Text).SequenceEqual(["gpu"]))
            yield return "worker-gpu: no GPU is reserved";
        if (_services["worker-gpu"]!["environment"]!["Training__Device"]?.ToString() != "cuda")
            yield return "worker-gpu: it trains on processors";
        foreach (var (name, profile) in new[] { ("worker", "cpu"), ("worker-gpu", "gpu"), ("prometheus", "monitoring"), ("grafana", "monitoring") })
            if (!List(_services[name]!["profiles"]).Select(Text).SequenceEqual([profile]))
                yield return $"{name}: it is not in the profile {profile}";
    }

    private IEnumerable<string> Volumes()
    {
        var used = new HashSet<string>();
        foreach (var (name, service) in _services)
            foreach (var source in List(service!["volumes"]).Select(volume => Text(volume).Split(':')).Where(parts => parts.Length > 1).Select(parts => parts[0]))
            {
                if (!source.StartsWith('.')) used.Add(source);
                else if (!Path.Exists(Repository.PathOf(source))) yield return $"{name}: there is no {source} to mount";
            }

        foreach (var unused in _volumes.Select(volume => volume.Key).Except(used)) yield return $"the volume {unused} is used by nothing";
    }

    private IEnumerable<string> Connections()
    {
        var database = _services["postgres"]!["environment"]!;
        var store = _services["s3"]!["environment"]!;
        foreach (var name in Own)
        {
            var environment = _services[name]!["environment"]!;
            var connection = Text(environment["Database__ConnectionString"]).Split(';').Select(part => part.Split('=', 2)).ToDictionary(part => part[0], part => part[1]);
            if (!_services.ContainsKey(connection["Host"]) || connection["Port"] != "5432")
                yield return $"{name}: no database at {connection["Host"]}:{connection["Port"]}";
            foreach (var (part, variable) in new[] { ("Database", "POSTGRES_DB"), ("Username", "POSTGRES_USER"), ("Password", "POSTGRES_PASSWORD") })
                if (connection[part] != Text(database[variable]))
                    yield return $"{name}: the {part} of the connection is not {variable} of postgres";
            var endpoint = new Uri(Text(environment["Storage__S3__Endpoint"]));
            if (!_services.ContainsKey(endpoint.Host) || endpoint.Port != 9000) yield return $"{name}: no object store at {endpoint}";
            if (Text(environment["Storage__S3__AccessKey"]) != Text(store["MINIO_ROOT_USER"])
                || Text(environment["Storage__S3__SecretKey"]) != Text(store["MINIO_ROOT_PASSWORD"]))
                yield return $"{name}: the keys are not the object store's";
        }
    }

    private static IEnumerable<JsonNode> List(JsonNode? node) => (node?.AsArray() ?? []).Select(item => item!);

    private static string Text(JsonNode? node) => node?.GetValue<string>() ?? "";

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex("\\$\\{([A-Z0-9_]+)[^}]*\\}")]
    private static partial Regex Variable();
}
