using Microsoft.Extensions.Options;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>Names every setting of section <c>Serving:Vllm</c> that is missing or wrong, and what to set.</summary>
internal sealed class VllmOptionsValidator : IValidateOptions<VllmOptions>
{
    public ValidateOptionsResult Validate(string? name, VllmOptions options)
    {
        var faults = Faults(options).ToList();
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    private static IEnumerable<string> Faults(VllmOptions options)
    {
        if (options.Models.Count == 0)
            yield return "Serving:Vllm:Models is empty. Name each served base model, what the servers call it and where they are: set Serving:Vllm:Models:MODEL:ServedName and Serving:Vllm:Models:MODEL:Servers:0.";
        foreach (var (model, of) in options.Models)
        {
            if (string.IsNullOrWhiteSpace(of.ServedName)) yield return $"Serving:Vllm:Models:{model}:ServedName is missing. Set it to the first name of the servers' --served-model-name.";
            if (of.Servers.Count == 0) yield return $"Serving:Vllm:Models:{model}:Servers is empty. Set Serving:Vllm:Models:{model}:Servers:0 to a server's address, http(s)://host:port.";
            foreach (var server in of.Servers.Where(server => !IsServer(server)))
                yield return $"Serving:Vllm:Models:{model}:Servers holds '{server}'. Set it to a server's address, http(s)://host:port without a path.";
        }

        var servers = options.Models.SelectMany(model => model.Value.Servers).GroupBy(server => server.TrimEnd('/'), StringComparer.OrdinalIgnoreCase);
        foreach (var twice in servers.Where(group => group.Count() > 1))
            yield return $"Serving:Vllm:Models names the server '{twice.Key}' {twice.Count()} times. A vLLM server serves one base model: name it once.";
        if (!Directory.Exists(options.AdaptersFolder))
            yield return $"Serving:Vllm:AdaptersFolder is '{options.AdaptersFolder}', which is no folder here. Make it, or mount it, on a disk that the servers share.";
        if (options.ServersAdaptersFolder is { } seen && !seen.StartsWith('/'))
            yield return $"Serving:Vllm:ServersAdaptersFolder is '{seen}'. Set it to the whole path of the adapters' folder on the servers, or leave it out where that is the same.";
        if (options.ApiKey is { } key && (key.Length == 0 || key.Any(sign => sign is <= ' ' or > '~')))
            yield return "Serving:Vllm:ApiKey holds something else than printable ASCII, or nothing. Set it to the servers' --api-key, or leave it out.";
    }

    private static bool IsServer(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address)
        && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps)
        && address is { PathAndQuery: "/", UserInfo: "", Fragment: "" };
}
