using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace ContinualService.Infrastructure.Telemetry;

/// <summary>Lets through to /metrics whom the settings allow.</summary>
internal sealed class MetricsGate(IOptions<MetricsOptions> options)
{
    private const string Bearer = "Bearer ";

    // A proxy on this machine makes everybody look local; what it adds gives it away.
    private static readonly string[] AddedByProxies = ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"];

    /// <summary>The refusal, or null for who may read.</summary>
    public IResult? Refuse(HttpContext http)
    {
        if (options.Value.Token is { Length: > 0 } token)
        {
            if (Presents(http.Request, token)) return null;
            http.Response.Headers.WWWAuthenticate = "Bearer realm=\"metrics\"";
            return Problem(StatusCodes.Status401Unauthorized, "unauthorized", "The metrics need their token", "Send `Authorization: Bearer <token>` with the value of Metrics:Token.");
        }

        if (options.Value.AllowRemote || IsLocal(http)) return null;
        return Problem(
            StatusCodes.Status403Forbidden, "forbidden", "The metrics are for this machine only",
            "Set Metrics:Token and let Prometheus send it, or Metrics:AllowRemote where only your own machines reach this address.");
    }

    private static bool Presents(HttpRequest request, string token)
    {
        var authorization = request.Headers.Authorization.ToString();
        return authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(authorization[Bearer.Length..].Trim())), SHA256.HashData(Encoding.UTF8.GetBytes(token)));
    }

    private static bool IsLocal(HttpContext http) =>
        http.Connection.RemoteIpAddress is { } caller && IPAddress.IsLoopback(caller.IsIPv4MappedToIPv6 ? caller.MapToIPv4() : caller)
        && !AddedByProxies.Any(http.Request.Headers.ContainsKey);

    private static ProblemHttpResult Problem(int status, string code, string title, string detail) => TypedResults.Problem(
        detail, statusCode: status, title: title, type: $"urn:continual-service:problem:{code}", extensions: new Dictionary<string, object?> { ["code"] = code });
}
