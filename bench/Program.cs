using ContinualService.Bench;
using ContinualService.Bench.Continual;

// bench continual ...   one adapter learning task after task: accuracy matrices, AA, BWT, forgetting, per method and seed
try
{
    return args switch
    {
        ["continual", .. var rest] => ContinualCommand.Run(new Arguments(rest)),
        _ => Usage(),
    };
}
catch (UsageException error)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}

static int Usage()
{
    Console.Error.WriteLine("Benchmarks:\n");
    Console.Error.WriteLine(ContinualSettings.Help);
    return 2;
}
