using System.Diagnostics;

namespace ContinualService.Worker.Child;

/// <summary>
/// Listens to the service on this process's standard input: the line <c>stop</c> asks for a checkpoint and an orderly end. When the input closes, which
/// is what happens when the service dies, however it dies, the process ends at once.
/// </summary>
internal static class ParentWatch
{
    public const string Stop = "stop";

    /// <param name="input">Standard input.</param>
    /// <param name="stop">Called on a thread of its own, each time the line comes.</param>
    public static void Start(Stream input, Action stop) =>
        new Thread(() => Listen(input, stop)) { IsBackground = true, Name = "parent watch" }.Start();

    private static void Listen(Stream input, Action stop)
    {
        using var lines = new StreamReader(input);
        while (lines.ReadLine() is { } line)
        {
            if (line == Stop) stop();
        }

        // Not Environment.Exit: its clean-up would run beside a native call in full swing and can hang.
        using var self = Process.GetCurrentProcess();
        self.Kill();
    }
}
