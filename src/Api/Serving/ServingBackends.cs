namespace ContinualService.Api.Serving;

/// <summary>Values of <see cref="ServingOptions.Backend"/>.</summary>
internal static class ServingBackends
{
    public const string Local = "local";
    public const string Vllm = "vllm";
}
