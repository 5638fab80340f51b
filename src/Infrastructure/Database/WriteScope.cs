using System.Transactions;
using ContinualService.Infrastructure.Queue;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace ContinualService.Infrastructure.Database;

/// <summary>
/// A transaction over rows and messages. Where the queue lives in the same database (PostgreSQL), a message is written with the rows: there is never one
/// without the other. A queue in memory gets its messages after the commit; if the process dies between, the sweep finds the rows.
/// </summary>
public sealed class WriteScope : IAsyncDisposable
{
    private readonly ServiceDbContext _database;
    private readonly ITaskQueue _queue;
    private readonly TransactionScope? _ambient;
    private readonly IDbContextTransaction? _own;
    private readonly List<string> _after = [];

    // Not asynchronous: an ambient transaction begun in a callee's asynchronous method would end with it.
    private WriteScope(ServiceDbContext database, ITaskQueue queue)
    {
        (_database, _queue) = (database, queue);
        if (queue.JoinsTransactions)
            _ambient = new TransactionScope(TransactionScopeOption.RequiresNew, new TransactionOptions { IsolationLevel = IsolationLevel.ReadCommitted }, TransactionScopeAsyncFlowOption.Enabled);
        else _own = database.Database.BeginTransaction();
    }

    public static WriteScope Begin(ServiceDbContext database, ITaskQueue queue) => new(database, queue);

    /// <summary>Sends a message for the task; call after its rows were saved.</summary>
    public void Wake(string taskId)
    {
        if (_ambient is not null) _queue.EnqueueWith(_database.Database.GetDbConnection(), taskId);
        else _after.Add(taskId);
    }

    public async Task CommitAsync(CancellationToken cancellationToken)
    {
        if (_own is not null) await _own.CommitAsync(cancellationToken);
        if (_ambient is not null)
        {
            _ambient.Complete();
            // The commit itself happens here.
            _ambient.Dispose();
        }

        foreach (var taskId in _after) _queue.Enqueue(taskId);
    }

    /// <summary>Takes everything back unless it was committed.</summary>
    public ValueTask DisposeAsync()
    {
        _ambient?.Dispose();
        return _own?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
