using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;

namespace ContinualService.Infrastructure.Storage;

/// <summary>Names every setting of section <c>Storage</c> that is missing or wrong, and what to set.</summary>
internal sealed partial class StorageOptionsValidator : IValidateOptions<StorageOptions>
{
    public ValidateOptionsResult Validate(string? name, StorageOptions options)
    {
        var faults = options.Provider switch
        {
            StorageProvider.Disk => [],
            StorageProvider.S3 => Faults(options.S3).ToList(),
            _ => (List<string>)[$"Storage:Provider is '{options.Provider}'. Set it to {StorageProvider.Disk} or {StorageProvider.S3}."],
        };
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    private static IEnumerable<string> Faults(S3Options s3)
    {
        if (!IsServer(s3.Endpoint)) yield return $"Storage:S3:Endpoint is '{s3.Endpoint}'. Set it to the S3 server's address, http(s)://host:port without a path.";
        if (!BucketName().IsMatch(s3.Bucket))
            yield return $"Storage:S3:Bucket is '{s3.Bucket}'. Set it to the bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens.";
        foreach (var (key, value) in ((string, string)[])[("AccessKey", s3.AccessKey), ("SecretKey", s3.SecretKey), ("Region", s3.Region)])
            if (string.IsNullOrWhiteSpace(value))
                yield return $"Storage:S3:{key} is missing. Set it, for example in the environment as Storage__S3__{key}.";
    }

    private static bool IsServer(string endpoint) =>
        Uri.TryCreate(endpoint, UriKind.Absolute, out var address)
        && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps)
        && address is { PathAndQuery: "/", UserInfo: "", Fragment: "" };

    [GeneratedRegex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    private static partial Regex BucketName();
}
