using System.Text.Json;
using ContinualService.Api.Adapters;
using ContinualService.Domain.Evaluation;
using ContinualService.Domain.Gates;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Evaluation;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Training;
using ContinualService.Infrastructure.Database;
using ContinualService.Worker;
using ContinualService.Worker.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Tasks;

/// <summary>Says what a checked task would cost: counts from shapes, times only from what was measured.</summary>
internal sealed class TaskEstimator(ServiceDbContext database, IOptions<TrainingSettings> training, IOptions<ModelsOptions> models)
{
    private const int UsedRuns = 5;

    // A base that was not trained on for so many runs has no speed of this machine as it is now.
    private const int LookedAtRuns = 1000;

    public async Task<TaskEstimate> EstimateAsync(TaskDraft draft, CancellationToken cancellationToken)
    {
        var adapter = draft.Adapter;
        var lora = new LoraConfig(adapter.Rank, adapter.Alpha, JsonSerializer.Deserialize<string[]>(adapter.TargetModulesJson) ?? []);
        var plan = MemoryPlan.Choose(
            draft.Hyperparameters.BatchSize, draft.Size.LongestRow, MemoryBudget.Bytes(training.Value.MemoryMegabytes, training.Value.Device),
            (rows, recomputes, size) => MemoryEstimate.Of(
                draft.Model.Config, lora, adapter.ContinualMethod(), adapter.TaskCount, Math.Min(rows, draft.Training.Examples.Count), draft.Size.LongestRow, draft.HeldOutSize?.LongestRow ?? 0, draft.Hyperparameters.Dropout > 0, recomputes, size, Precision.Base(models.Value.Precision), training.Value.Holding(), training.Value.Device, training.Value.ThreadCount()));
        var speed = await SpeedAsync(draft, cancellationToken);
        var tokens = ProcessedTokens(draft);
        return new TaskEstimate(
            Valid: true,
            draft.Origin is AdapterOrigin.Present ? adapter.Id : null,
            draft.Model.Name,
            draft.Training.Examples.Count,
            draft.HeldOut?.Examples.Count ?? 0,
            draft.Training.DuplicateRows,
            draft.OverlapRows,
            draft.Size.Tokens,
            draft.Size.TrainedTokens,
            tokens,
            draft.Size.LongestRow,
            draft.Steps,
            draft.Metric.WireName(),
            speed is null ? null : Math.Round(tokens / speed.TokensPerSecond, 1),
            speed?.ScoredRowsPerSecond is { } rate ? Math.Round(await ScoredRowsAsync(draft, cancellationToken) / rate, 1) : null,
            speed,
            plan.Estimate.Total,
            MemoryParts.Of(plan.Estimate),
            new MemoryPlanned(plan.Way.Rows, plan.Way.Recomputes, plan.Size.Tokens, plan.BudgetBytes, plan.Fits, plan.Problem));
    }

    /// <summary>Every row taken as long as any other, one that the method adds too.</summary>
    private static long ProcessedTokens(TaskDraft draft) =>
        (long)Math.Round((double)draft.Hyperparameters.RowPasses(draft.TrainedRows) / draft.Training.Examples.Count * draft.Size.Tokens);

    /// <summary>The new rows under the base, the head and the candidate; of the earlier tasks as many as a run takes, under the candidate and, for a gate, the version of their best score.</summary>
    private async Task<long> ScoredRowsAsync(TaskDraft draft, CancellationToken cancellationToken)
    {
        var learned = await Lineage.ToAsync(database, draft.Adapter.Id, draft.Adapter.HeadVersion, cancellationToken);
        var rows = await TaskRows.OfAsync(database, [.. learned.Select(version => version.TaskId).OfType<string>()], cancellationToken);
        var gate = GatePolicy.Read(draft.Adapter.GateJson);
        var earlier = rows.Values.Where(task => task.HeldOut > 0).Select(task => (task.HeldOut, Versions: gate is null ? 1 : 2)).ToList();
        var each = ScoringBudget.RowsEach(training.Value.ScoringShare, draft.Hyperparameters.RowPasses(draft.Training.Examples.Count), gate?.LeastRows ?? 0, earlier) ?? int.MaxValue;
        return earlier.Sum(task => (long)Math.Min(task.HeldOut, each) * task.Versions) + (draft.HeldOut?.Examples.Count ?? 0) * (learned.Count > 0 ? 3 : 2);
    }

    private async Task<SpeedMeasured?> SpeedAsync(TaskDraft draft, CancellationToken cancellationToken)
    {
        var measured = await (
            from run in database.Runs.AsNoTracking().Where(row => row.EndedAt != null && row.TrainingSeconds > 0 && row.ProcessedTokens > 0).OrderByDescending(row => row.EndedAt).Take(LookedAtRuns)
            join adapter in database.Adapters on run.AdapterId equals adapter.Id
            where adapter.BaseDigest == draft.Model.Digest
            orderby run.EndedAt descending
            select new { Run = run, adapter.Method, adapter.Rank, adapter.TargetModulesJson }).ToListAsync(cancellationToken);
        var shaped = measured.FindAll(each => (each.Method, each.Rank, each.TargetModulesJson) == (draft.Adapter.Method, draft.Adapter.Rank, draft.Adapter.TargetModulesJson));
        if ((shaped.Count > 0 ? shaped : measured) is not [{ Run: var newest }, ..] chosen) return null;
        var machine = Machine(newest);
        var runs = chosen.Select(each => each.Run).Where(run => Machine(run) == machine && run.Device == newest.Device).Take(UsedRuns).ToList();
        var scoring = runs.FindAll(run => run is { ScoredRows: > 0, ScoringSeconds: > 0 });
        return new SpeedMeasured(
            Median(runs.ConvertAll(run => run.ProcessedTokens!.Value / run.TrainingSeconds!.Value)),
            scoring.Count == 0 ? null : Median(scoring.ConvertAll(run => run.ScoredRows!.Value / run.ScoringSeconds!.Value)),
            runs.Count, shaped.Count > 0, machine, newest.Device, runs.Max(run => run.PeakBytes));
    }

    // Host and process; the process is another one after every start.
    private static string Machine(TaskRun run) => run.WorkerName.Split(':')[0];

    private static double Median(List<double> values)
    {
        values.Sort();
        return (values[values.Count / 2] + values[(values.Count - 1) / 2]) / 2;
    }
}
