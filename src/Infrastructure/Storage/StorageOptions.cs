namespace ContinualService.Infrastructure.Storage;

/// <summary>Section <c>Storage</c>: where the objects are kept.</summary>
public sealed class StorageOptions
{
    public const string Section = "Storage";

    /// <summary><c>disk</c> or <c>s3</c>.</summary>
    public string Provider { get; set; } = StorageProvider.Disk;

    /// <summary>Needed with <c>s3</c>.</summary>
    public S3Options S3 { get; set; } = new();
}
