using System.Text;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>Sends messages to the service, a line each; flushed at once, because the process may end at any moment.</summary>
internal sealed class RunReporter(Stream output)
{
    private readonly Lock _gate = new();

    public void Send(RunMessage message)
    {
        var line = Encoding.UTF8.GetBytes(message.ToLine() + "\n");
        lock (_gate)
        {
            output.Write(line);
            output.Flush();
        }
    }
}
