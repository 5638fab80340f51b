using System.Text.RegularExpressions;

namespace ContinualService.Infrastructure.Storage;

/// <summary>What an S3 server says went wrong.</summary>
internal static partial class S3Error
{
    public const string NoSuchBucket = "NoSuchBucket";
    public const string NoSuchKey = "NoSuchKey";

    /// <summary>The code of an error answer, for example <c>NoSuchKey</c>; the status's name where the body has none.</summary>
    public static async Task<string> CodeAsync(HttpResponseMessage response)
    {
        // In memory already: the fault handler read it.
        var found = CodeElement().Match(await response.Content.ReadAsStringAsync());
        return found.Success ? found.Groups[1].Value : response.StatusCode.ToString();
    }

    [GeneratedRegex("<Code>([A-Za-z0-9]+)</Code>")]
    private static partial Regex CodeElement();
}
