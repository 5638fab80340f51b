using ContinualService.Domain.Tasks;
using ContinualService.Domain.Tenants;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Xunit;

namespace ContinualService.Infrastructure.Tests.Database;

/// <summary>A data folder of the first release, whose rows are written here as that release wrote them, under the present program.</summary>
public sealed class UpgradeTests : IDisposable
{
    private const string FirstRelease = "20261123141256_Initial";

    private const string Rows = """
        insert into Tenants (Id, Name, DefaultAdapterId, CreatedAt) values ('tnt_1', 'default', 'adp_1', 1767323045678), ('tnt_2', 'second', null, 1767323045679);
        insert into ApiKeys (Id, TenantId, Name, KeyHash, Prefix, CreatedAt, RevokedAt) values ('key_1', 'tnt_1', 'first', 'hash', 'csk_abcd', 1767323045678, null);
        insert into Datasets (Id, TenantId, Name, Format, RowCount, DuplicateRows, SizeBytes, Sha256, CreatedAt) values ('ds_1', 'tnt_1', 'rows', 'messages', 8, 0, 100, 'rows', 1767323045678);
        insert into Adapters (Id, TenantId, Name, Model, BaseDigest, TemplateSha256, Rank, Alpha, TargetModulesJson, Method, MethodOptionsJson, GateJson, HeadVersion, TaskCount, CreatedAt, DeletedAt, LeaseOwner, LeaseFence, LeaseExpiresAt)
            values ('adp_1', 'tnt_1', 'default', 'tiny', 'base', '', 8, 16, '["q_proj"]', 'slao', '{}', null, 1, 2, 1767323045678, null, 'run_1', 7, 1767323099999);
        insert into Aliases (AdapterId, Name, VersionNumber, UpdatedAt) values ('adp_1', 'live', 1, 1767323045678);
        insert into Tasks (Id, TenantId, AdapterId, Name, Status, Phase, TrainDatasetId, EvaluationDatasetId, Metric, LabelsJson, HyperparametersJson, MetadataJson, CancelRequested, Attempt, Percent, Step, TotalSteps, SecondsRemaining, VersionNumber, FailureCode, FailureMessage, FailureIsUserError, BaseDigest, CreatedAt, StartedAt, FinishedAt)
            values ('task_1', 'tnt_1', 'adp_1', 'done', 'Succeeded', null, 'ds_1', null, 'loss', null, '{}', '{}', 0, 1, 100, 3, 3, null, 1, null, null, null, 'base', 1767323045678, 1767323045679, 1767323045680),
                   ('task_2', 'tnt_1', 'adp_1', 'cut off', 'Running', 'Training', 'ds_1', null, 'loss', null, '{}', '{}', 0, 1, 40, 2, 5, 9.5, null, null, null, null, 'base', 1767323045681, 1767323045682, null);
        insert into Versions (Id, AdapterId, Number, Sha256, StateSha256, Parent, TaskId, TaskIndex, Lambda, Status, SizeBytes, StateBytes, AverageAccuracy, BackwardTransfer, Forgetting, CreatedAt)
            values ('ver_1', 'adp_1', 1, 'adapter', 'state', null, 'task_1', 1, 1.0, 'Published', 10, 20, 0.5, null, null, 1767323045680);
        insert into MatrixCells (AdapterId, VersionNumber, TaskId, Score, Count, Low, High, Metric) values ('adp_1', 1, 'task_1', 0.5, 8, 0.2, 0.8, 'loss');
        insert into StepMetrics (TaskId, Attempt, Step, Loss, LearningRate, GradNorm, Tokens, Seconds, CreatedAt) values ('task_1', 1, 1, 2.5, 0.001, 1.5, 64, 0.1, 1767323045679);
        insert into TaskEvents (TaskId, Number, Type, DataJson, CreatedAt) values ('task_1', 1, 'queued', '{}', 1767323045678);
        insert into IdempotencyRecords (TenantId, Key, RequestSha256, TaskId, CreatedAt) values ('tnt_1', 'once', 'request', 'task_1', 1767323045678);
        """;

    private readonly TestDatabase _test = new();
    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public void Dispose() => _test.Dispose();

    [Fact]
    public async Task Start_OnAFolderOfTheFirstRelease_GivesItsTenantsTheStandardShare()
    {
        await MakeOldFolderAsync();

        await _test.Migrator().StartingAsync(_token);

        await using var database = _test.CreateDbContext();
        var tenants = await database.Tenants.OrderBy(row => row.Id).ToListAsync(_token);
        Assert.Equal(["default", "second"], tenants.Select(tenant => tenant.Name));
        Assert.All(tenants, tenant => Assert.Equal((1.0, Tenant.StandardClass), (tenant.Weight, tenant.Class)));
    }

    [Fact]
    public async Task Start_OnAFolderOfTheFirstRelease_KeepsEveryRow()
    {
        await MakeOldFolderAsync();

        await _test.Migrator().StartingAsync(_token);

        await using var database = _test.CreateDbContext();
        Assert.Equal("hash", (await database.ApiKeys.SingleAsync(_token)).KeyHash);
        Assert.Equal(("run_1", 7L), await database.Adapters.Select(row => ValueTuple.Create(row.LeaseOwner!, row.LeaseFence)).SingleAsync(_token));
        Assert.Equal(1, (await database.Aliases.SingleAsync(_token)).VersionNumber);
        Assert.Equal("state", (await database.Versions.SingleAsync(_token)).StateSha256);
        Assert.Equal(0.5, (await database.MatrixCells.SingleAsync(_token)).Score);
        Assert.Equal(2.5, (await database.StepMetrics.SingleAsync(_token)).Loss);
        Assert.Equal("queued", (await database.TaskEvents.SingleAsync(_token)).Type);
        Assert.Equal("task_1", (await database.IdempotencyRecords.SingleAsync(_token)).TaskId);
        var tasks = await database.Tasks.OrderBy(row => row.Id).ToListAsync(_token);
        Assert.Equal([LearningTaskStatus.Succeeded, LearningTaskStatus.Running], tasks.Select(task => task.Status));
        Assert.All(tasks, task => Assert.Equal((0, 0, false), (task.Priority, task.DeadRuns, task.PauseRequested)));
    }

    private async Task MakeOldFolderAsync()
    {
        Directory.CreateDirectory(_test.Folder.Root);
        await using var database = _test.CreateDbContext();
        await database.GetService<IMigrator>().MigrateAsync(FirstRelease, _token);
        await using var insert = database.Database.GetDbConnection().CreateCommand();
        insert.CommandText = Rows;
        await database.Database.OpenConnectionAsync(_token);
        await insert.ExecuteNonQueryAsync(_token);
    }
}
