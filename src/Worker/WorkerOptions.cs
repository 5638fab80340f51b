using System.ComponentModel.DataAnnotations;

namespace ContinualService.Worker;

/// <summary>Section <c>Worker</c>: which process runs tasks.</summary>
public sealed class WorkerOptions
{
    public const string Section = "Worker";

    /// <summary>Whether the Api's process runs tasks itself. Null: where the queue lies in its memory, because messages in memory reach nobody else.</summary>
    public bool? Embedded { get; set; }

    /// <summary>Where the worker's own process answers for its health and metrics.</summary>
    [Required]
    public string Urls { get; set; } = "http://127.0.0.1:5081";
}
