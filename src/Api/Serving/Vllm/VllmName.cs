using System.Globalization;
using System.Text.RegularExpressions;
using ContinualService.Domain.Adapters;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>
/// What a version is called on the fleet: <c>cs-OWNER-ADAPTER-vN-DIGEST</c>. It holds the digest of the weights, so no name ever stands for others than it did
/// before, which is what vLLM's prefix cache relies on; and it is a folder's name as well.
/// </summary>
internal static partial class VllmName
{
    public const int OwnerLength = 12;
    private const int DigestLength = 16;

    /// <param name="owner">Of <see cref="VllmFolder.Owner"/>.</param>
    /// <param name="adapterId">The adapter.</param>
    /// <param name="version">One of its versions.</param>
    public static string Of(string owner, string adapterId, AdapterVersion version)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"cs-{owner}-{adapterId}-v{version.Number}-{version.Sha256[..DigestLength]}");
        // It becomes part of a path and of requests.
        return Pattern().IsMatch(name) ? name : throw new InvalidOperationException($"'{name}' cannot be a name on the fleet.");
    }

    /// <summary>The owner and the adapter's id in a name of this kind; null for any other name.</summary>
    public static (string Owner, string AdapterId)? Parse(string name) =>
        Pattern().Match(name) is { Success: true } match ? (match.Groups["owner"].Value, match.Groups["adapter"].Value) : null;

    [GeneratedRegex(@"\Acs-(?<owner>[0-9a-f]{12})-(?<adapter>[A-Za-z0-9_]{1,100})-v[0-9]{1,9}-[0-9a-f]{16}\z")]
    private static partial Regex Pattern();
}
