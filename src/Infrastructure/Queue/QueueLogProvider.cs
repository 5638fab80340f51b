using Hangfire.AspNetCore;
using Hangfire.Logging;
using Microsoft.Extensions.Logging;

namespace ContinualService.Infrastructure.Queue;

/// <summary>
/// The queue's log goes to the host's. Hangfire keeps one provider per process, and asks it for loggers also after the host that set it is gone; where several
/// hosts follow one another, that would end the next one's start.
/// </summary>
internal sealed class QueueLogProvider(ILoggerFactory loggers) : ILogProvider
{
    private readonly AspNetCoreLogProvider _host = new(loggers);

    public ILog GetLogger(string name)
    {
        try
        {
            return _host.GetLogger(name);
        }
        catch (ObjectDisposedException)
        {
            return new Silence();
        }
    }

    private sealed class Silence : ILog
    {
        public bool Log(Hangfire.Logging.LogLevel logLevel, Func<string>? messageFunc, Exception? exception = null) => false;
    }
}
