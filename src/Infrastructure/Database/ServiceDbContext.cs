using ContinualService.Domain.Adapters;
using ContinualService.Domain.Datasets;
using ContinualService.Domain.Files;
using ContinualService.Domain.Forecasts;
using ContinualService.Domain.Previews;
using ContinualService.Domain.Replays;
using ContinualService.Domain.Tasks;
using ContinualService.Domain.Tenants;
using ContinualService.Domain.Unlearnings;
using ContinualService.Domain.Upkeep;
using ContinualService.Domain.Webhooks;
using ContinualService.Domain.Workers;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Infrastructure.Database;

/// <summary>All rows of the service.</summary>
public sealed class ServiceDbContext(DbContextOptions<ServiceDbContext> options) : DbContext(options)
{
    public DbSet<Tenant> Tenants => Set<Tenant>();

    public DbSet<ApiKey> ApiKeys => Set<ApiKey>();

    public DbSet<Dataset> Datasets => Set<Dataset>();

    public DbSet<FileRecord> Files => Set<FileRecord>();

    public DbSet<Adapter> Adapters => Set<Adapter>();

    public DbSet<AdapterVersion> Versions => Set<AdapterVersion>();

    public DbSet<AdapterAlias> Aliases => Set<AdapterAlias>();

    public DbSet<LearningTask> Tasks => Set<LearningTask>();

    public DbSet<MergePreview> MergePreviews => Set<MergePreview>();

    public DbSet<TaskForecast> Forecasts => Set<TaskForecast>();

    public DbSet<Replay> Replays => Set<Replay>();

    public DbSet<Unlearning> Unlearnings => Set<Unlearning>();

    public DbSet<TaskRun> Runs => Set<TaskRun>();

    public DbSet<TaskCheckpoint> Checkpoints => Set<TaskCheckpoint>();

    public DbSet<TaskEvent> TaskEvents => Set<TaskEvent>();

    public DbSet<StepMetric> StepMetrics => Set<StepMetric>();

    public DbSet<IdempotencyRecord> IdempotencyRecords => Set<IdempotencyRecord>();

    public DbSet<FineTuningJob> FineTuningJobs => Set<FineTuningJob>();

    public DbSet<Webhook> Webhooks => Set<Webhook>();

    public DbSet<WebhookDelivery> WebhookDeliveries => Set<WebhookDelivery>();

    public DbSet<AdapterMatrixCell> MatrixCells => Set<AdapterMatrixCell>();

    public DbSet<AliasChange> AliasChanges => Set<AliasChange>();

    public DbSet<AuditEntry> Audit => Set<AuditEntry>();

    public DbSet<WorkerRecord> Workers => Set<WorkerRecord>();

    public DbSet<UpkeepRecord> Upkeep => Set<UpkeepRecord>();

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        // SQLite cannot order by a DateTimeOffset; Unix milliseconds order everywhere.
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<UnixMillisecondsConverter>();
        // Names survive a reordering of the enum, numbers do not.
        configurationBuilder.Properties<Enum>().HaveConversion<string>();
        // Cursors compare ids as SQLite and this program do, byte by byte, not by a language's rules.
        if (Database.IsNpgsql()) configurationBuilder.Properties<string>().UseCollation("C");
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Tenant>().HasIndex(row => row.Name).IsUnique();
        modelBuilder.Entity<ApiKey>(key =>
        {
            key.HasIndex(row => row.KeyHash).IsUnique();
            key.HasOne<Tenant>().WithMany().HasForeignKey(row => row.TenantId).OnDelete(DeleteBehavior.Restrict);
        });
        modelBuilder.Entity<Dataset>(dataset =>
        {
            dataset.HasIndex(row => new { row.TenantId, row.Id });
            dataset.HasIndex(row => row.Sha256);
            dataset.HasOne<Tenant>().WithMany().HasForeignKey(row => row.TenantId).OnDelete(DeleteBehavior.Restrict);
        });
        modelBuilder.Entity<FileRecord>(file =>
        {
            file.HasIndex(row => new { row.TenantId, row.Id });
            file.HasIndex(row => row.Sha256);
            file.HasOne<Tenant>().WithMany().HasForeignKey(row => row.TenantId).OnDelete(DeleteBehavior.Restrict);
        });
        modelBuilder.Entity<Adapter>(adapter =>
        {
            adapter.HasIndex(row => new { row.TenantId, row.Name }).IsUnique().HasFilter("\"DeletedAt\" IS NULL");
            adapter.HasIndex(row => new { row.TenantId, row.Id }).HasFilter("\"DeletedAt\" IS NULL");
            adapter.HasIndex(row => row.LeaseExpiresAt).HasFilter("\"LeaseOwner\" IS NOT NULL");
            adapter.HasIndex(row => row.PinnedAt).HasFilter("\"PinnedAt\" IS NOT NULL");
            adapter.HasOne<Tenant>().WithMany().HasForeignKey(row => row.TenantId).OnDelete(DeleteBehavior.Restrict);
        });
        modelBuilder.Entity<AdapterVersion>(version =>
        {
            version.HasIndex(row => new { row.AdapterId, row.Number }).IsUnique();
            // One task publishes one version, whatever happens to its runs; previews adopt others of it, and unlearnings make it again.
            version.HasIndex(row => row.TaskId).IsUnique().HasFilter("\"MergePreviewId\" IS NULL AND \"UnlearningId\" IS NULL");
            version.HasOne<MergePreview>().WithMany().HasForeignKey(row => row.MergePreviewId).OnDelete(DeleteBehavior.Restrict);
            version.HasOne<Unlearning>().WithMany().HasForeignKey(row => row.UnlearningId).OnDelete(DeleteBehavior.Restrict);
            version.HasIndex(row => row.Sha256);
            version.HasIndex(row => row.StateSha256);
            version.HasOne<Adapter>().WithMany().HasForeignKey(row => row.AdapterId).OnDelete(DeleteBehavior.Restrict);
            version.HasOne<LearningTask>().WithMany().HasForeignKey(row => row.TaskId).OnDelete(DeleteBehavior.Restrict);
        });
        modelBuilder.Entity<AdapterAlias>(alias =>
        {
            alias.HasKey(row => new { row.AdapterId, row.Name });
            alias.HasOne<Adapter>().WithMany().HasForeignKey(row => row.AdapterId).OnDelete(DeleteBehavior.Restrict);
        });
        modelBuilder.Entity<LearningTask>(task =>
        {
            task.HasIndex(row => new { row.TenantId, row.Id });
            task.HasIndex(row => new { row.TenantId, row.Status, row.Id });
            task.HasIndex(row => new { row.AdapterId, row.Id });
            task.HasIndex(row => new { row.AdapterId, row.Status, row.Id });
            // What waits or runs is a small part of all tasks; a worker's choice and the sweep read these alone.
            task.HasIndex(row => new { row.AdapterId, row.Id }, "IX_Tasks_Unfinished").HasFilter("\"Status\" IN ('Queued', 'Running', 'Paused')");
            task.HasIndex(row => new { row.Status, row.TenantId, row.Priority, row.Id }, "IX_Tasks_Waiting").HasFilter("\"Status\" IN ('Queued', 'Running')");
            task.HasIndex(row => row.FinishedAt);
            task.HasOne<Tenant>().WithMany().HasForeignKey(row => row.TenantId).OnDelete(DeleteBehavior.Restrict);
            task.HasOne<Adapter>().WithMany().HasForeignKey(row => row.AdapterId).OnDelete(DeleteBehavior.Restrict);
            task.HasOne<Dataset>().WithMany().HasForeignKey(row => row.TrainDatasetId).OnDelete(DeleteBehavior.Restrict);
            task.HasOne<Dataset>().WithMany().HasForeignKey(row => row.EvaluationDatasetId).OnDelete(DeleteBehavior.Restrict);
        });
        modelBuilder.Entity<LearningTask>().Property(row => row.Kind).HasDefaultValue(LearningTaskKind.Training);
        modelBuilder.Entity<MergePreview>(preview =>
        {
            preview.HasIndex(row => new { row.AdapterId, row.Id });
            preview.HasOne<Adapter>().WithMany().HasForeignKey(row => row.AdapterId).OnDelete(DeleteBehavior.Restrict);
            preview.HasOne<LearningTask>().WithOne().HasForeignKey<MergePreview>(row => row.TaskId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<TaskForecast>(forecast =>
        {
            forecast.HasIndex(row => new { row.AdapterId, row.Id });
            forecast.HasOne<Adapter>().WithMany().HasForeignKey(row => row.AdapterId).OnDelete(DeleteBehavior.Restrict);
            forecast.HasOne<LearningTask>().WithOne().HasForeignKey<TaskForecast>(row => row.TaskId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<Replay>(replay =>
        {
            replay.HasIndex(row => new { row.AdapterId, row.Id });
            replay.HasOne<Adapter>().WithMany().HasForeignKey(row => row.AdapterId).OnDelete(DeleteBehavior.Restrict);
            replay.HasOne<LearningTask>().WithOne().HasForeignKey<Replay>(row => row.TaskId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<Unlearning>(unlearning =>
        {
            unlearning.HasIndex(row => new { row.AdapterId, row.Id });
            unlearning.HasOne<Adapter>().WithMany().HasForeignKey(row => row.AdapterId).OnDelete(DeleteBehavior.Restrict);
            unlearning.HasOne<LearningTask>().WithOne().HasForeignKey<Unlearning>(row => row.TaskId).OnDelete(DeleteBehavior.Cascade);
            unlearning.HasOne<LearningTask>().WithMany().HasForeignKey(row => row.RemovedTaskId).OnDelete(DeleteBehavior.Restrict);
        });
        modelBuilder.Entity<TaskRun>(run =>
        {
            run.HasIndex(row => new { row.TaskId, row.Attempt }).IsUnique();
            run.HasIndex(row => row.EndedAt);
            run.HasOne<LearningTask>().WithMany().HasForeignKey(row => row.TaskId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<TaskCheckpoint>(checkpoint =>
        {
            checkpoint.HasKey(row => row.TaskId);
            checkpoint.HasIndex(row => row.Sha256);
            checkpoint.HasOne<LearningTask>().WithOne().HasForeignKey<TaskCheckpoint>(row => row.TaskId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<TaskEvent>(taskEvent =>
        {
            taskEvent.HasKey(row => new { row.TaskId, row.Number });
            taskEvent.HasOne<LearningTask>().WithMany().HasForeignKey(row => row.TaskId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<StepMetric>(metric =>
        {
            metric.HasKey(row => new { row.TaskId, row.Attempt, row.Step });
            metric.HasOne<LearningTask>().WithMany().HasForeignKey(row => row.TaskId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<IdempotencyRecord>(record =>
        {
            record.HasKey(row => new { row.TenantId, row.Key });
            record.HasIndex(row => row.CreatedAt);
            record.HasOne<LearningTask>().WithMany().HasForeignKey(row => row.TaskId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<FineTuningJob>(job =>
        {
            job.HasKey(row => row.TaskId);
            job.HasOne<LearningTask>().WithOne().HasForeignKey<FineTuningJob>(row => row.TaskId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<Webhook>(webhook =>
        {
            webhook.HasIndex(row => new { row.TenantId, row.Id });
            webhook.HasOne<Tenant>().WithMany().HasForeignKey(row => row.TenantId).OnDelete(DeleteBehavior.Restrict);
        });
        modelBuilder.Entity<WebhookDelivery>(delivery =>
        {
            delivery.HasIndex(row => new { row.WebhookId, row.Id });
            delivery.HasIndex(row => row.NextAttemptAt).HasFilter("\"NextAttemptAt\" IS NOT NULL");
            delivery.HasIndex(row => row.CreatedAt);
            delivery.HasOne<Webhook>().WithMany().HasForeignKey(row => row.WebhookId).OnDelete(DeleteBehavior.Cascade);
            delivery.HasOne<LearningTask>().WithMany().HasForeignKey(row => row.TaskId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<AliasChange>(change =>
        {
            change.HasIndex(row => new { row.AdapterId, row.Id });
            change.HasOne<Adapter>().WithMany().HasForeignKey(row => row.AdapterId).OnDelete(DeleteBehavior.Restrict);
        });
        modelBuilder.Entity<AuditEntry>(entry =>
        {
            entry.HasIndex(row => new { row.TenantId, row.Id });
            entry.HasIndex(row => new { row.TenantId, row.Action, row.Id });
            entry.HasIndex(row => row.CreatedAt);
            entry.HasOne<Tenant>().WithMany().HasForeignKey(row => row.TenantId).OnDelete(DeleteBehavior.Restrict);
        });
        modelBuilder.Entity<WorkerRecord>();
        modelBuilder.Entity<UpkeepRecord>().HasKey(row => row.Name);
        modelBuilder.Entity<AdapterMatrixCell>(cell =>
        {
            cell.HasKey(row => new { row.AdapterId, row.VersionNumber, row.TaskId });
            cell.HasOne<Adapter>().WithMany().HasForeignKey(row => row.AdapterId).OnDelete(DeleteBehavior.Restrict);
            cell.HasOne<LearningTask>().WithMany().HasForeignKey(row => row.TaskId).OnDelete(DeleteBehavior.Restrict);
        });
    }
}
