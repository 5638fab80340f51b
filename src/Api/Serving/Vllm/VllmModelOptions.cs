namespace ContinualService.Api.Serving.Vllm;

/// <summary>One base model of the fleet: a part of <see cref="VllmOptions"/>.</summary>
internal sealed class VllmModelOptions
{
    /// <summary>What the servers call the base: the first name of their --served-model-name.</summary>
    public string ServedName { get; set; } = "";

    /// <summary>Addresses of the servers, <c>http(s)://host:port</c>. A server serves one base.</summary>
    public List<string> Servers { get; set; } = [];
}
