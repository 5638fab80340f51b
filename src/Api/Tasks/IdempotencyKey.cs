using ContinualService.Api.Errors;
using ContinualService.Api.Swagger;

namespace ContinualService.Api.Tasks;

/// <summary>The header that makes a submission safe to repeat.</summary>
internal static class IdempotencyKey
{
    private const string Header = "Idempotency-Key";
    private const int Longest = 200;

    /// <summary>What Swagger shows of it.</summary>
    public static DocumentedParameter Documented { get; } = new(Header, "Sending the same request again with the same key answers with the first task.", InHeader: true);

    /// <summary>Reads the key, null where there is none; gives the problem with it.</summary>
    public static Problem? Read(HttpRequest request, out string? key)
    {
        var text = request.Headers[Header].ToString();
        key = text.Length > 0 ? text : null;
        return text.Length > Longest ? Problem.Invalid(Header, "The key is too long.", $"Use at most {Longest} characters.") : null;
    }
}
