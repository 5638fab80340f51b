using System.Diagnostics;
using ContinualService.Worker.Processes;
using ContinualService.Worker.Scheduling;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker.Health;

/// <summary>
/// Asks from time to time, between runs and in a process of its own, whether the training device can be used: a GPU may fall off its bus, and a driver may
/// be gone after an update. A processor needs no asking.
/// </summary>
internal sealed class DeviceWatch(IOptions<TrainingSettings> settings, CurrentRun current, TimeProvider time, ILogger<DeviceWatch> logger) : BackgroundService
{
    private static readonly TimeSpan WhileGood = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan WhileBad = TimeSpan.FromSeconds(20);
    // A first use of CUDA loads gigabytes of libraries.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private volatile string? _fault = "The device is being looked at for the first time. Ask again in some seconds.";

    /// <summary>What is wrong and what to do; null while the device can be used.</summary>
    public string? Fault => _fault;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var device = settings.Value.Device;
        if (device == "cpu")
        {
            _fault = null;
            return;
        }

        while (true)
        {
            // A run that goes on answers the question, and may hold the device for itself.
            if (current.TaskId is null) await LookAsync(device, stoppingToken);
            await Task.Delay(_fault is null ? WhileGood : WhileBad, time, stoppingToken);
        }
    }

    private async Task LookAsync(string device, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(device, cancellationToken);
        var fault = answer is null ? null : $"The device {device} cannot be used for training. See that its driver runs (nvidia-smi) and that Training:Device names it; the log says what it answered.";
        if (answer is not null && _fault != fault) logger.DeviceUnusable(device, answer);
        _fault = fault;
    }

    private static async Task<string?> AskAsync(string device, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        using var process = Process.Start(TrainingProcess.Command(threads: 1, "check-device", device))
            ?? throw new InvalidOperationException("The process that looks at the device did not start.");
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? null : FormattableString.Invariant($"exit code {process.ExitCode}: {(await output).Trim()} {(await errors).Trim()}").Trim();
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return FormattableString.Invariant($"it did not answer within {Limit.TotalSeconds} seconds");
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }
}
