using System.Diagnostics;

namespace ContinualService.Worker.Child;

/// <summary>Ends this process when its standard input closes, which is what happens when the service dies, however it dies.</summary>
internal static class ParentWatch
{
    public static void Start(Stream input) =>
        new Thread(() => EndWith(input)) { IsBackground = true, Name = "parent watch" }.Start();

    private static void EndWith(Stream input)
    {
        var buffer = new byte[16];
        while (input.Read(buffer) > 0)
        {
            // The service sends nothing; whatever else comes does not matter.
        }

        // Not Environment.Exit: its clean-up would run beside a native call in full swing and can hang.
        using var self = Process.GetCurrentProcess();
        self.Kill();
    }
}
