using ContinualService.Api.Adapters;
using ContinualService.Api.Errors;
using ContinualService.Api.Models;
using ContinualService.Api.Previews;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Evaluation;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Versions;

/// <summary>Compares two versions of one adapter: their weights layer by layer, and their scores task by task.</summary>
internal sealed class VersionDiff(ServiceDbContext database, ModelCatalog catalog, IObjectStore objects)
{
    public async Task<Outcome<DiffResponse>> RunAsync(string tenantId, string idOrName, int first, int second, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(tenantId, idOrName, cancellationToken)).Failed(out var unknown, out var adapter)) return unknown;
        if ((await database.FindVersionAsync(tenantId, adapter.Id, first, cancellationToken)).Failed(out var noFirst, out var one)) return noFirst;
        if ((await database.FindVersionAsync(tenantId, adapter.Id, second, cancellationToken)).Failed(out var noSecond, out var other)) return noSecond;
        if (catalog.BaseOf(adapter).Failed(out var problem, out var model)) return problem;
        using var weights = await VersionWeights.LoadAsync(adapter, one, model.Config, await objects.OpenReadAsync(one.Sha256, cancellationToken), cancellationToken);
        using var otherWeights = await VersionWeights.LoadAsync(adapter, other, model.Config, await objects.OpenReadAsync(other.Sha256, cancellationToken), cancellationToken);
        List<DiffLayer> layers = [.. LoraDifference.Of(weights, otherWeights).Select(DiffLayer.Of)];
        return new DiffResponse(
            first, second, one.Sha256 == other.Sha256, Total(layer => layer.FirstNorm), Total(layer => layer.SecondNorm), Total(layer => layer.DifferenceNorm), layers,
            await TasksAsync(adapter.Id, first, second, cancellationToken));

        double Total(Func<DiffLayer, double> norm) => Math.Sqrt(layers.Sum(layer => norm(layer) * norm(layer)));
    }

    private async Task<IReadOnlyList<DiffTask>> TasksAsync(string adapterId, int first, int second, CancellationToken cancellationToken)
    {
        var cells = await database.MatrixCells.AsNoTracking().Where(row => row.AdapterId == adapterId && (row.VersionNumber == first || row.VersionNumber == second)).ToListAsync(cancellationToken);
        List<string> ids = [.. cells.Select(cell => cell.TaskId).Distinct().Order(StringComparer.Ordinal)];
        var names = await database.Tasks.Where(row => ids.Contains(row.Id)).ToDictionaryAsync(row => row.Id, row => row.Name, cancellationToken);
        return ids.ConvertAll(id =>
        {
            var (one, other) = (CellOf(id, first), CellOf(id, second));
            var difference = one is null || other is null ? null : ScoreDifference.Of(one, other);
            return new DiffTask(
                id, names[id], (one ?? other)!.Metric, one is null ? null : CurveScore.Of(one), other is null ? null : CurveScore.Of(other), difference?.Value, difference?.Low, difference?.High);
        });

        // Places in a lineage do not matter here; the sign of a loss does.
        MatrixCell? CellOf(string id, int number) => cells.Find(cell => cell.TaskId == id && cell.VersionNumber == number)?.At(1, 1);
    }
}
