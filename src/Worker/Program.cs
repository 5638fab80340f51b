using ContinualService.Worker.Child;

// run-task is how the service starts a training process. The service itself runs tasks in the Api's process; there is no worker host of its own yet.
if (args is ["run-task", var specPath])
{
    using var input = Console.OpenStandardInput();
    using var output = Console.OpenStandardOutput();
    return RunTaskCommand.Run(specPath, input, output);
}

Console.Error.WriteLine("""
    usage: ContinualService.Worker run-task SPEC.json

    Trains and scores the one task that SPEC.json describes, says so line by line (JSON) on standard output, and ends when its
    standard input closes. The Api starts it by itself; started by hand it is of use for looking at a failed run.
    """);
return args.Length == 0 ? 0 : 2;
