using ContinualService.Bench;
using ContinualService.Bench.Chaos;
using ContinualService.Bench.Continual;
using ContinualService.Bench.Kernels;
using ContinualService.Bench.Lists;
using ContinualService.Bench.Merging;
using ContinualService.Bench.Scoring;
using ContinualService.Bench.Serving;
using ContinualService.Bench.Training;

// bench continual ...   one adapter learning task after task: accuracy matrices, AA, BWT, forgetting, per method and seed
// bench chaos ...       a cluster of processes while everything in it is killed, frozen and restarted
// bench kernels ...     what a block of training computes beside its large products, against libtorch's operators
// bench lists ...       list routes over a large PostgreSQL database: latencies under 50 clients, with query plans
// bench merging ...     what the next version of an adapter costs beside its training, as task 2 and as task 100
// bench scoring ...     held-out rows scored with one thread and with several: tokens a second, share of the arithmetic limit
// bench serving ...     generation with adapters beside llama.cpp: tokens a second, time to the first token
// bench training ...    LoRA training on CPU or GPU beside PyTorch: tokens a second, memory, share of the arithmetic limit
try
{
    return args switch
    {
        ["continual", .. var rest] => ContinualCommand.Run(new Arguments(rest)),
        ["chaos", .. var rest] => await ChaosCommand.RunAsync(new Arguments(rest)),
        ["kernels", .. var rest] => KernelsCommand.Run(new Arguments(rest)),
        ["lists", .. var rest] => await ListsCommand.RunAsync(new Arguments(rest)),
        ["merging", .. var rest] => await MergingCommand.RunAsync(new Arguments(rest)),
        ["scoring", .. var rest] => await ScoringCommand.RunAsync(new Arguments(rest), rest),
        [ScoringCommand.Alone, .. var rest] => ScoringCommand.RunAlone(new Arguments(rest)),
        ["serving", .. var rest] => await ServingCommand.RunAsync(new Arguments(rest)),
        ["training", .. var rest] => await TrainingCommand.RunAsync(new Arguments(rest)),
        [TrainingCommand.Alone, .. var rest] => TrainingCommand.RunAlone(new Arguments(rest)),
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
    Console.Error.WriteLine();
    Console.Error.WriteLine(ChaosCommand.Help);
    Console.Error.WriteLine();
    Console.Error.WriteLine(KernelsCommand.Help);
    Console.Error.WriteLine();
    Console.Error.WriteLine(ListsSettings.Help);
    Console.Error.WriteLine();
    Console.Error.WriteLine(MergingCommand.Help);
    Console.Error.WriteLine();
    Console.Error.WriteLine(ScoringCommand.Help);
    Console.Error.WriteLine();
    Console.Error.WriteLine(ServingSettings.Help);
    Console.Error.WriteLine();
    Console.Error.WriteLine(TrainingSettings.Help);
    return 2;
}
