using System.ComponentModel.DataAnnotations;

namespace ContinualService.Worker.Upkeep;

/// <summary>Section <c>Storage</c>, the collector's part of it: when objects that no row names are deleted.</summary>
public sealed class CollectOptions
{
    public const string Section = "Storage";

    /// <summary>Minutes between two passes, counted over all workers; 0: none, an operator runs <c>collect</c>.</summary>
    [Range(0, 525_600)]
    public double CollectMinutes { get; set; } = 60;

    /// <summary>Hours after which an object that no row names is deleted: longer than anything takes from storing bytes to writing the row that names them.</summary>
    [Range(0, 87_600)]
    public double CollectAfterHours { get; set; } = 24;

    internal TimeSpan CollectAfter => TimeSpan.FromHours(CollectAfterHours);
}
