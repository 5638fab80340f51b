namespace ContinualService.TestKit.Cluster;

/// <summary>How much is broken, and how often.</summary>
/// <param name="Seed">Of every choice; the moments still depend on the machine.</param>
/// <param name="WorkerKills">SIGKILLs to workers; each is started again at once.</param>
/// <param name="TrainingKills">SIGKILLs to training processes.</param>
/// <param name="Freezes">Workers that stand still for longer than their lease, and then go on.</param>
/// <param name="FreezeTime">How long.</param>
/// <param name="DatabaseRestarts">Immediate restarts of PostgreSQL.</param>
/// <param name="StorageOutages">Times that the S3 server is away.</param>
/// <param name="OutageTime">How long.</param>
/// <param name="Pause">Between two of these, on average.</param>
public sealed record ChaosPlan(
    int Seed, int WorkerKills, int TrainingKills, int Freezes, TimeSpan FreezeTime, int DatabaseRestarts, int StorageOutages, TimeSpan OutageTime, TimeSpan Pause)
{
    public int Total => WorkerKills + TrainingKills + Freezes + DatabaseRestarts + StorageOutages;
}
