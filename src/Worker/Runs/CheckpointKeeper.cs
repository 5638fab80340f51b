using System.Threading.Channels;
using ContinualService.Infrastructure.Storage;
using Microsoft.Extensions.Logging;

namespace ContinualService.Worker.Runs;

/// <summary>
/// Stores a run's checkpoints while training goes on: the bytes first, then the row that names them, then the one before is deleted. Where a store is slower
/// than the checkpoints come, only the latest counts. No fault here ends a run: a checkpoint only saves time.
/// </summary>
internal sealed class CheckpointKeeper : IAsyncDisposable
{
    private readonly IObjectStore _objects;
    private readonly RunRecords _records;
    private readonly Outage _outage;
    private readonly RunPlan _plan;
    private readonly ILogger _logger;
    private readonly Channel<RunMessage.Checkpoint> _waiting;
    private readonly Task _storing;
    private string? _current;

    public CheckpointKeeper(IObjectStore objects, RunRecords records, Outage outage, RunPlan plan, ILogger logger)
    {
        (_objects, _records, _outage, _plan, _logger, _current) = (objects, records, outage, plan, logger, plan.Checkpoint?.Sha256);
        _waiting = Channel.CreateBounded<RunMessage.Checkpoint>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true }, older => File.Delete(PathOf(older)));
        _storing = Task.Run(StoreAllAsync);
    }

    public void Offer(RunMessage.Checkpoint checkpoint) => _waiting.Writer.TryWrite(checkpoint);

    /// <summary>Returns once the latest checkpoint is stored, or cannot be.</summary>
    public Task DrainAsync()
    {
        _waiting.Writer.TryComplete();
        return _storing;
    }

    /// <summary>Deletes the stored checkpoint of a task that is over; what fails here is left to the collector.</summary>
    public async Task DiscardAsync()
    {
        await DrainAsync();
        if (_current is not null) await DeleteAsync(_current);
    }

    public ValueTask DisposeAsync() => new(DrainAsync());

    private string PathOf(RunMessage.Checkpoint checkpoint) => Path.Combine(_plan.Folder, Path.GetFileName(checkpoint.File));

    private async Task StoreAllAsync()
    {
        await foreach (var checkpoint in _waiting.Reader.ReadAllAsync())
        {
            try
            {
                await StoreAsync(checkpoint);
            }
            catch (LeaseLostException)
            {
                // The next holder keeps its own.
                return;
            }
            catch (Exception fault)
            {
                _logger.CheckpointNotStored(fault, _plan.Task.Id, checkpoint.Step);
            }
        }
    }

    private async Task StoreAsync(RunMessage.Checkpoint checkpoint)
    {
        var path = PathOf(checkpoint);
        var stored = await _outage.BridgeAsync(
            async () =>
            {
                await using var content = File.OpenRead(path);
                return await _objects.PutAsync(content, checkpoint.Sha256, CancellationToken.None);
            },
            CancellationToken.None);
        var replaced = await _records.CheckpointAsync(checkpoint.Step, stored.Sha256, stored.SizeBytes, CancellationToken.None);
        _current = stored.Sha256;
        File.Delete(path);
        if (replaced is not null) await DeleteAsync(replaced);
    }

    private async Task DeleteAsync(string sha256)
    {
        try
        {
            // Two tasks over the same rows may have made the same bytes.
            if (!await _records.IsCheckpointAsync(sha256, CancellationToken.None)) await _objects.DeleteAsync(sha256, CancellationToken.None);
        }
        catch (Exception fault)
        {
            _logger.CheckpointNotDeleted(fault, sha256);
        }
    }
}
