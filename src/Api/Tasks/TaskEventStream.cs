using System.Globalization;
using System.Text;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Queue;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Tasks;

/// <summary>
/// A task's events as text/event-stream. The rows are the truth: they are replayed from <c>Last-Event-ID</c> on, and the hub only says when to
/// look again, so a client that reconnects anywhere misses nothing.
/// </summary>
internal sealed class TaskEventStream(IDbContextFactory<ServiceDbContext> contexts, EventHub hub, TimeProvider time, IHostApplicationLifetime host)
{
    private const int RetryMilliseconds = 3000;

    // Another process may write the rows without this one's hub hearing of it.
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    public async Task WriteAsync(HttpContext http, string taskId, int lastSeen)
    {
        // A stopping service must not wait for its readers; they come back and go on where they were.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, host.ApplicationStopping);
        try
        {
            await FollowAsync(http, taskId, lastSeen, stopping.Token);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The reader or the service has gone: there is nobody to tell.
        }
    }

    private async Task FollowAsync(HttpContext http, string taskId, int lastSeen, CancellationToken stop)
    {
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-cache";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        if (HttpMethods.IsHead(http.Request.Method)) return;
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await http.Response.WriteAsync($"retry: {RetryMilliseconds}\n\n", stop);
        await http.Response.Body.FlushAsync(stop);
        var lastWritten = time.GetTimestamp();
        while (!stop.IsCancellationRequested)
        {
            var news = hub.Next(taskId);
            var (events, over) = await ReadAsync(taskId, lastSeen, stop);
            foreach (var row in events)
            {
                await http.Response.WriteAsync(Format(row), stop);
                lastSeen = row.Number;
                lastWritten = time.GetTimestamp();
            }

            if (time.GetElapsedTime(lastWritten) > Heartbeat)
            {
                await http.Response.WriteAsync(": still here\n\n", stop);
                lastWritten = time.GetTimestamp();
            }

            await http.Response.Body.FlushAsync(stop);
            if (over) return;
            await Task.WhenAny(news, Task.Delay(LookAgain, time, stop));
        }
    }

    /// <summary>Events after a number, and whether there will be no more: the state is read first, so that its last event cannot be missed.</summary>
    private async Task<(List<TaskEvent> Events, bool Over)> ReadAsync(string taskId, int after, CancellationToken cancellationToken)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);
        var status = await database.Tasks.Where(row => row.Id == taskId).Select(row => row.Status).FirstOrDefaultAsync(cancellationToken);
        var events = await database.TaskEvents.AsNoTracking()
            .Where(row => row.TaskId == taskId && row.Number > after).OrderBy(row => row.Number).ToListAsync(cancellationToken);
        return (events, status is LearningTaskStatus.Succeeded or LearningTaskStatus.Failed or LearningTaskStatus.Cancelled);
    }

    private static string Format(TaskEvent row)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"id: {row.Number}\nevent: {row.Type}\n");
        // The data is one line of JSON as stored; a line break would end the field.
        text.Append(CultureInfo.InvariantCulture, $"data: {row.DataJson.ReplaceLineEndings(" ")}\n\n");
        return text.ToString();
    }
}
