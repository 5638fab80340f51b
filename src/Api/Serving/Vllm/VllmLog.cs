namespace ContinualService.Api.Serving.Vllm;

/// <summary>The log messages of the backend vllm; ids 1030 to 1039 are its own.</summary>
internal static partial class VllmLog
{
    [LoggerMessage(1030, LogLevel.Warning, "vLLM server {Server} (base {Model}) is left out for a while: {Reason}")]
    public static partial void ServerFailed(this ILogger logger, string server, string model, string reason);

    [LoggerMessage(1031, LogLevel.Information, "vLLM server {Server} (base {Model}) answers")]
    public static partial void ServerRecovered(this ILogger logger, string server, string model);

    [LoggerMessage(1032, LogLevel.Warning, "vLLM server {Server} does not have {Adapter} any more; it is loaded again when it is asked for")]
    public static partial void AdapterLost(this ILogger logger, string server, string adapter);

    [LoggerMessage(1033, LogLevel.Warning, "vLLM server {Server}, {Adapter}: {Reason} (see docs/operations.md, Serving from a vLLM fleet)")]
    public static partial void AdapterRefused(this ILogger logger, string server, string adapter, string reason);

    [LoggerMessage(1034, LogLevel.Error, "An answer of vLLM server {Server} as {Name} was not passed on: {Reason}")]
    public static partial void AnswerRefused(this ILogger logger, string server, string name, string reason);

    [LoggerMessage(1035, LogLevel.Warning, "The look at the vLLM fleet did not come to its end; the next one goes on")]
    public static partial void LookFailed(this ILogger logger, Exception exception);

    [LoggerMessage(1036, LogLevel.Error, "Serving:Vllm:AdaptersFolder cannot be written")]
    public static partial void FolderFailed(this ILogger logger, Exception exception);
}
