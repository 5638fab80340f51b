namespace ContinualService.Infrastructure.Storage;

/// <summary>The kinds of object store, as <c>Storage:Provider</c> names them.</summary>
public static class StorageProvider
{
    /// <summary>A folder below the data root.</summary>
    public const string Disk = "disk";

    /// <summary>A bucket of an S3 server.</summary>
    public const string S3 = "s3";
}
