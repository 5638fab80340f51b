using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using ContinualService.Api.Errors;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Operators;

/// <summary>HTTP basic authentication of the one user <c>operator</c>, wherever the caller sits: behind a proxy everybody seems local.</summary>
internal sealed partial class OperatorGate(IOptions<OperatorOptions> options, ILogger<OperatorGate> logger)
{
    private const string User = "operator";

    /// <summary>The refusal, or null for the operator.</summary>
    public Problem? Refuse(HttpContext http)
    {
        if (options.Value.Key is not { Length: > 0 } key)
            return new Problem(ProblemTypes.NotFound, "The dashboard of the queue is off. Set Operator:Key to a long random value and restart; then sign in as the user `operator` with it.");
        var presented = http.Request.Headers.Authorization.ToString();
        if (Matches(presented, key)) return null;
        if (presented.Length > 0) LogRefused(http.Connection.RemoteIpAddress?.ToString());
        http.Response.Headers.WWWAuthenticate = "Basic realm=\"operators\", charset=\"UTF-8\"";
        return new Problem(ProblemTypes.Unauthorized, "Sign in as the user `operator` with the value of Operator:Key.");
    }

    // Hashes have one length, so that the comparison tells nothing of the key's.
    private static bool Matches(string presented, string key) =>
        AuthenticationHeaderValue.TryParse(presented, out var header) && string.Equals(header.Scheme, "Basic", StringComparison.OrdinalIgnoreCase)
        && CryptographicOperations.FixedTimeEquals(Hash(header.Parameter ?? ""), Hash(Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{key}"))));

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    [LoggerMessage(1010, LogLevel.Warning, "A caller at {Address} was refused at the operators' dashboard: wrong user or key")]
    private partial void LogRefused(string? address);
}
