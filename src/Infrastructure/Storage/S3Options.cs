namespace ContinualService.Infrastructure.Storage;

/// <summary>Section <c>Storage:S3</c>: a bucket and the keys to it.</summary>
public sealed class S3Options
{
    /// <summary><c>http(s)://host:port</c>, without a path.</summary>
    public string Endpoint { get; set; } = "";

    public string Bucket { get; set; } = "";

    public string AccessKey { get; set; } = "";

    public string SecretKey { get; set; } = "";

    /// <summary>Part of each request's signature.</summary>
    public string Region { get; set; } = "us-east-1";
}
