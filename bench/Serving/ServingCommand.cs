using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using ContinualService.Engine.Inference.Batching;
using TorchSharp;

namespace ContinualService.Bench.Serving;

/// <summary>
/// <c>bench serving</c>: tokens a second with an adapter, alone and with many requests of different adapters, ours and llama.cpp's in turns; and the time to the
/// first token with and without a cached beginning.
/// </summary>
public static class ServingCommand
{
    // Long enough that reading it is nearly all of the time to its first token.
    private const int CachedPrompt = 1024;

    /// <exception cref="UsageException">An option is wrong, or llama.cpp is not installed.</exception>
    public static async Task<int> RunAsync(Arguments arguments)
    {
        var settings = ServingSettings.Parse(arguments);
        torch.set_num_threads(settings.Threads);
        Console.Error.WriteLine($"Making a model of the shape {settings.Shape} and {settings.Adapters} adapters ...");
        using var model = new BenchModel(settings.Shape, settings.Adapters);
        using var peer = new LlamaCppPeer(model.ModelFile, model.LoraFiles, model.Decoder.Config.VocabularySize, settings.Threads);
        using var meter = new Meter("bench");
        using var engine = new BatchEngine(model.Decoder, new BatchOptions(settings.Adapters, settings.Adapters), settings.Shape, new BatchMetrics(meter));
        var adapters = model.Loras.Select((weights, index) => new BatchAdapter($"adapter-{index}", weights)).ToList();

        var report = new ServingReport(settings);
        for (var round = 0; round <= settings.Rounds; round++)
        {
            var (alone, peerAlone, together, peerTogether) = (new Rate(), new Rate(), new Rate(), new Rate());
            var prompts = Enumerable.Range(0, settings.Adapters).Select(index => model.Prompt(settings.Prompt, (round * 1000) + index)).ToList();

            // Step 1: one request alone. Generating only: reading the prompt is another kind of work.
            var run = EngineRun.Start(engine, adapters[0], prompts[0], settings.NewTokens);
            await run.Ended;
            alone.Add(settings.NewTokens - 1, run.Generating);
            var first = 0L;
            var theirs = peer.Generate(0, prompts[0], settings.NewTokens, () => first = Stopwatch.GetTimestamp());
            peerAlone.Add(settings.NewTokens - 1, Stopwatch.GetElapsedTime(first));
            if (theirs[0] != run.Tokens[0]) throw new InvalidOperationException("llama.cpp and we disagree about the first token: they do not compute the same model.");

            // Step 2: a request for each adapter, prompts included; llama.cpp takes them one after the other, as it must.
            prompts = [.. prompts.Select((_, index) => model.Prompt(settings.Prompt, (round * 1000) + 500 + index))];
            var began = Stopwatch.GetTimestamp();
            var runs = adapters.Select((adapter, index) => EngineRun.Start(engine, adapter, prompts[index], settings.NewTokens)).ToList();
            await Task.WhenAll(runs.Select(each => each.Ended));
            together.Add(settings.Adapters * settings.NewTokens, Stopwatch.GetElapsedTime(began));
            began = Stopwatch.GetTimestamp();
            for (var index = 0; index < settings.Adapters; index++) peer.Generate(index, prompts[index], settings.NewTokens, () => { });
            peerTogether.Add(settings.Adapters * settings.NewTokens, Stopwatch.GetElapsedTime(began));

            // Step 3: a long prompt, and the same once more.
            var longPrompt = model.Prompt(CachedPrompt, round);
            var uncached = EngineRun.Start(engine, adapters[0], longPrompt, 1);
            await uncached.Ended;
            var cached = EngineRun.Start(engine, adapters[0], longPrompt, 1);
            await cached.Ended;

            var result = new ServingRound(alone.PerSecond, peerAlone.PerSecond, together.PerSecond, peerTogether.PerSecond, uncached.ToFirst, cached.ToFirst);
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"round {round}{(round == 0 ? " (not counted)" : "")}: {result}"));
            if (round > 0) report.Add(result);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(settings.ReportFile))!);
        await File.WriteAllTextAsync(settings.ReportFile, report.Markdown(CachedPrompt));
        Console.WriteLine(report.Markdown(CachedPrompt));
        return 0;
    }

    private sealed class Rate
    {
        private double _tokens;
        private TimeSpan _took;

        public double PerSecond => _tokens / _took.TotalSeconds;

        public void Add(int tokens, TimeSpan took) => (_tokens, _took) = (_tokens + tokens, _took + took);
    }
}
