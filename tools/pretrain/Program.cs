using ContinualService.Pretrain;
using ContinualService.Pretrain.Corpus;
using ContinualService.Pretrain.Samples;
using ContinualService.Pretrain.Training;

const string Usage = """
    usage: pretrain train   [--out models/tiny-llama] [--seed 7] [--steps N] [--batch 8] [--rate 0.003] [--copies 12000] [--warmup 60] [--threads 2] [--save-every 100]
                           [--resume-after STEPS]             goes on with the weights in --out
                           [--stop-after STEPS]               ends early; the schedule stays that of --steps
           pretrain samples [--out samples/tasks] [--seed 11]      writes the sample task files
           pretrain corpus  [--seed 7] [--count 40]                prints documents of the pretraining text
    """;

if (args.Length == 0)
{
    Console.Error.WriteLine(Usage);
    return 2;
}

try
{
    switch (args[0])
    {
        case "train":
            Train(args[1..]);
            return 0;
        case "samples":
            var samples = new CommandLine(args[1..], "out", "seed");
            SampleFiles.Write(samples.Text("out", "samples/tasks"), samples.Number("seed", SampleFiles.Seed));
            return 0;
        case "corpus":
            Print(args[1..]);
            return 0;
        default:
            throw new ArgumentException($"'{args[0]}' is not a command.");
    }
}
catch (ArgumentException error)
{
    Console.Error.WriteLine(error.Message + "\n" + Usage);
    return 2;
}

static void Train(string[] words)
{
    var line = new CommandLine(words, "out", "seed", "steps", "batch", "rate", "copies", "threads", "save-every", "warmup", "resume-after", "stop-after");
    var defaults = new PretrainOptions();
    PretrainLoop.Run(
        defaults with
        {
            Seed = line.Number("seed", defaults.Seed),
            Steps = line.Number("steps", defaults.Steps),
            BatchSize = line.Number("batch", defaults.BatchSize),
            LeadingCopies = line.Number("copies", defaults.LeadingCopies),
            LearningRate = line.Real("rate", defaults.LearningRate),
            Threads = line.Number("threads", defaults.Threads),
            WarmupSteps = line.Number("warmup", defaults.WarmupSteps),
            ResumeAfter = line.Number("resume-after", defaults.ResumeAfter),
            StopAfter = line.Number("stop-after", int.MaxValue),
            SaveEverySteps = line.Number("save-every", defaults.SaveEverySteps),
        },
        line.Text("out", "models/tiny-llama"), Console.WriteLine);
}

static void Print(string[] words)
{
    var line = new CommandLine(words, "seed", "count");
    var corpus = new CorpusGenerator(line.Number("seed", new PretrainOptions().Seed));
    for (var i = line.Number("count", 40); i > 0; i--)
    {
        var document = corpus.Next();
        Console.WriteLine(document.Turns.Count == 0 ? document.Text : string.Join("\n", document.Turns.Select(turn => $"<{turn.Role}> {turn.Content}")));
        Console.WriteLine("----");
    }
}
