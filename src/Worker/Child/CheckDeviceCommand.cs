using System.Diagnostics.CodeAnalysis;
using TorchSharp;

namespace ContinualService.Worker.Child;

/// <summary>The command <c>check-device DEVICE</c>: one addition on the device that tasks are trained on.</summary>
internal static class CheckDeviceCommand
{
    /// <summary>Exit code 0 where it worked; else 1, and one line on <paramref name="output"/> that says what the device answered.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "Whatever the native library throws means that the device cannot be used.")]
    public static int Run(string device, TextWriter output)
    {
        try
        {
            using var one = torch.ones(1, device: torch.device(device));
            using var two = one.add(one);
            if (two.cpu().item<float>() == 2) return 0;
            output.WriteLine("1 + 1 is not 2 there.");
        }
        catch (Exception unusable)
        {
            output.WriteLine(unusable.Message.Split('\n')[0]);
        }

        return 1;
    }
}
