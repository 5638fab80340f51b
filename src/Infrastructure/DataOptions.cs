using System.ComponentModel.DataAnnotations;

namespace ContinualService.Infrastructure;

/// <summary>Section <c>Data</c>: where the service keeps what it must not lose.</summary>
public sealed class DataOptions
{
    public const string Section = "Data";

    /// <summary>Folder of the database, the objects and the files of running tasks; relative to the content root. Made when absent.</summary>
    [Required]
    public string Root { get; set; } = "data";
}
