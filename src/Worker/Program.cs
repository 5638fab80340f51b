using ContinualService.Worker;
using ContinualService.Worker.Child;

// run-task is how a worker starts a training process.
if (args is ["run-task", var specPath])
{
    using var input = Console.OpenStandardInput();
    using var output = Console.OpenStandardOutput();
    return RunTaskCommand.Run(specPath, input, output);
}

// check-device is how a worker asks whether it could train; a device's driver can end the process that asks.
if (args is ["check-device", var device]) return CheckDeviceCommand.Run(device, Console.Out);

if (args is ["--help" or "-h", ..] || (args.Length > 0 && !args[0].StartsWith("--", StringComparison.Ordinal)))
{
    Console.Error.WriteLine("""
        usage: ContinualService.Worker [--Section:Key=value ...]
               ContinualService.Worker run-task SPEC.json
               ContinualService.Worker check-device DEVICE

        Without a command: takes tasks from the shared queue and runs them, one at a time, until it is told to stop. It needs the PostgreSQL database and
        the object store that the Api uses, and a Data:Root of its own; docs/configuration.md lists every setting.

        run-task trains and scores the one task that SPEC.json describes, says so line by line (JSON) on standard output, and ends when its standard input
        closes. A worker starts it by itself; started by hand it is of use for looking at a failed run.

        check-device adds two numbers on the device (cpu, cuda, cuda:N), and says why where that does not work. A worker asks so for its own health.
        """);
    return args is ["--help" or "-h", ..] ? 0 : 2;
}

return await WorkerHost.RunAsync(args);
