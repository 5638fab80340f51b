namespace ContinualService.Infrastructure;

/// <summary>The places below the data root.</summary>
public sealed class DataFolder(string root)
{
    public string Root { get; } = Path.GetFullPath(root);

    public string Database => Path.Combine(Root, "continual.db");

    public string Objects => Path.Combine(Root, "objects");

    /// <summary>Uploads on their way to an object store on another machine.</summary>
    public string Incoming => Path.Combine(Root, "incoming");

    /// <summary>One folder per run of a task; each is deleted when its run ends.</summary>
    public string Runs => Path.Combine(Root, "runs");
}
