using System.Diagnostics;
using ContinualService.Engine.Models;
using ContinualService.Pretrain.Bpe;
using ContinualService.Pretrain.Corpus;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ContinualService.Pretrain.Training;

/// <summary>Pretrains the base, in plain steps:
/// <list type="number">
/// <item>Learn the tokenizer from the first documents of the corpus and write the folder's text files.</item>
/// <item>Make fresh weights.</item>
/// <item>Per step: forward and backward of one packed batch, clip, AdamW at the schedule's rate.</item>
/// <item>Save every so many steps, so that a run cut short leaves a usable model.</item>
/// <item>Measure on the text that follows the trained one; write the model card.</item>
/// </list></summary>
internal static class PretrainLoop
{
    // Rows of [chunk, V] logits alive at a time: the logits of a whole batch would be the largest tensor by far.
    private const int ChunkRows = 1024;
    private const int ValidationBatches = 12;

    // The matrices that read the residual stream; those that write to it stay small, so that the tokens' own codes remain readable.
    private static readonly string[] Readers = ["q_proj.weight", "k_proj.weight", "v_proj.weight", "gate_proj.weight", "up_proj.weight"];

    public static void Run(PretrainOptions options, string folder, Action<string> log)
    {
        set_num_threads(options.Threads);

        // Step 1: tokenizer.
        var vocabulary = LearnVocabulary(options);
        ModelFolder.WriteText(folder, vocabulary);
        log($"tokenizer: {vocabulary.Size} tokens");

        // Step 2: weights, float32 while they are trained.
        var config = ModelConfig.Load(folder);
        using var generator = new Generator((ulong)options.Seed, CPU);
        var trained = StartingWeights(folder, config, generator, options).ToDictionary(weight => weight.Key, weight => new Parameter(weight.Value));
        var weights = trained.ToDictionary(weight => weight.Key, weight => (Tensor)weight.Value);
        using var decoder = new Decoder(config, weights);
        using var optimiser = optim.AdamW(trained.Values, options.LearningRate, beta1: .9, beta2: .95, weight_decay: options.WeightDecay);
        var batches = new PackedBatches(new CorpusGenerator(options.Seed, options.LeadingCopies), new DocumentEncoder(vocabulary), options);
        for (var step = 0; step < options.ResumeAfter; step++) batches.Next();
        var parameters = weights.Values.Sum(weight => weight.numel());
        log($"{parameters:N0} parameters, {options.Steps} steps of {options.BatchSize} x {options.SequenceLength} tokens");

        // Steps 3 and 4: train and save.
        var clock = Stopwatch.StartNew();
        var tokensPerStep = options.BatchSize * options.SequenceLength;
        var smooth = 0.0;
        var last = Math.Min(options.Steps, options.StopAfter ?? options.Steps);
        for (var step = options.ResumeAfter + 1; step <= last; step++)
        {
            var share = RateShare(options, step);
            foreach (var group in optimiser.ParamGroups) group.LearningRate = share * options.LearningRate;
            optimiser.zero_grad();
            var loss = Backward(decoder, batches.Next(), options);
            nn.utils.clip_grad_norm_(trained.Values, 1.0);
            optimiser.step();
            if (!double.IsFinite(loss)) throw new InvalidOperationException($"The loss is {loss} at step {step}. Lower --rate.");
            smooth = smooth == 0 ? loss : .95 * smooth + .05 * loss;
            if (step % 10 == 0)
            {
                var speed = (step - options.ResumeAfter) * tokensPerStep / clock.Elapsed.TotalSeconds;
                log($"step {step}/{last}  loss {smooth:F3}  rate {share:P0}  {speed:F0} tokens/s  {(last - step) * tokensPerStep / speed / 60:F1} min left");
            }

            if (step % options.SaveEverySteps == 0) ModelFolder.WriteWeights(folder, weights);
        }

        // Step 5: measure the weights as they are saved, and write the card.
        var seconds = clock.Elapsed.TotalSeconds;
        ModelFolder.WriteWeights(folder, weights);
        var outcome = Measure(folder, config, vocabulary, options) with { Seconds = seconds, TokensPerSecond = (last - options.ResumeAfter) * tokensPerStep / seconds };
        ModelFolder.WriteCard(folder, options, config, parameters, outcome);
        log($"answer loss {outcome.AnswerLoss:F4}, text loss {outcome.TextLoss:F4}, answer tokens right {outcome.AnswerAccuracy:P1}");
    }

    /// <summary>The tokenizer of these options; the same for the same seed.</summary>
    public static BpeVocabulary LearnVocabulary(PretrainOptions options)
    {
        var corpus = new CorpusGenerator(options.Seed);
        var texts = Enumerable.Range(0, options.TokenizerDocuments).Select(_ => corpus.Next())
            .Select(document => document.Turns.Count == 0 ? document.Text : string.Join("\n", document.Turns.Select(turn => $"{turn.Role}\n {turn.Content}")));
        return BpeTrainer.Train(texts, options.VocabularySize);
    }

    /// <summary>Back-propagates the weighted mean loss of one batch and returns it.</summary>
    private static double Backward(Decoder decoder, (long[] Ids, float[] Weights) batch, PretrainOptions options)
    {
        using var scope = NewDisposeScope();
        var (input, target, weight) = Split(batch, options);
        var hidden = decoder.Hidden(input); // [B, T, D]
        var flat = hidden.reshape(-1, hidden.shape[^1]); // [B*T, D]
        var leaf = flat.detach().requires_grad_(true); // [B*T, D]
        var total = weight.sum();
        var loss = zeros(1);
        for (long start = 0; start < leaf.shape[0]; start += ChunkRows)
        {
            using var chunk = NewDisposeScope();
            var rows = Math.Min(ChunkRows, leaf.shape[0] - start);
            var logits = decoder.Logits(leaf.narrow(0, start, rows)); // [n, V]
            var part = nn.functional.cross_entropy(logits, target.narrow(0, start, rows), reduction: nn.Reduction.None)
                .mul(weight.narrow(0, start, rows)).sum().div(total);
            part.backward();
            loss.add_(part.detach());
        }

        flat.backward([leaf.grad!]);
        return loss.item<float>();
    }

    private static PretrainOutcome Measure(string folder, ModelConfig config, BpeVocabulary vocabulary, PretrainOptions options)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var decoder = Decoder.Load(folder, config, CPU, float32);
        var batches = new PackedBatches(new CorpusGenerator(options.Seed, options.LeadingCopies), new DocumentEncoder(vocabulary), options);
        for (var step = 0; step < options.Steps; step++) batches.Next(); // the text after the trained one: the same world, other documents
        double answerLoss = 0, textLoss = 0, right = 0, answers = 0, tokens = 0;
        for (var i = 0; i < ValidationBatches; i++)
        {
            using var step = NewDisposeScope();
            var (input, target, weight) = Split(batches.Next(), options);
            var hidden = decoder.Hidden(input); // [B, T, D]
            var logits = decoder.Logits(hidden.reshape(-1, hidden.shape[^1])); // [B*T, V]
            var losses = nn.functional.cross_entropy(logits, target, reduction: nn.Reduction.None); // [B*T]
            var isAnswer = weight.eq(1).to(float32); // [B*T]
            answerLoss += losses.mul(isAnswer).sum().item<float>();
            textLoss += losses.sum().item<float>();
            right += logits.argmax(-1).eq(target).to(float32).mul(isAnswer).sum().item<float>();
            answers += isAnswer.sum().item<float>();
            tokens += losses.numel();
        }

        return new PretrainOutcome(answerLoss / answers, textLoss / tokens, right / answers, 0, 0);
    }

    private static (Tensor Input, Tensor Target, Tensor Weight) Split((long[] Ids, float[] Weights) batch, PretrainOptions options)
    {
        var ids = tensor(batch.Ids, dtype: int64).reshape(options.BatchSize, options.SequenceLength + 1); // [B, T+1]
        var weights = tensor(batch.Weights, dtype: float32).reshape(options.BatchSize, options.SequenceLength + 1); // [B, T+1]
        return (ids.narrow(1, 0, options.SequenceLength).contiguous(), // [B, T]
            ids.narrow(1, 1, options.SequenceLength).reshape(-1), weights.narrow(1, 1, options.SequenceLength).reshape(-1)); // [B*T]
    }

    private static IReadOnlyDictionary<string, Tensor> StartingWeights(string folder, ModelConfig config, Generator generator, PretrainOptions options)
    {
        if (options.ResumeAfter > 0) return Decoder.Load(folder, config, CPU, float32).Weights;
        var weights = Decoder.CreateWeights(config, generator);
        using var quiet = no_grad();
        foreach (var weight in weights.Where(weight => Readers.Any(weight.Key.EndsWith))) weight.Value.mul_(options.InitialScale);
        InductionHeads.Plant(weights, config);
        return weights;
    }

    /// <summary>Share of the peak rates at a step: a short climb, then half a cosine. A resumed run climbs as well: its optimiser has no moments yet.</summary>
    private static double RateShare(PretrainOptions options, int step)
    {
        var climb = Math.Min(1, (step - options.ResumeAfter) / (double)options.WarmupSteps);
        var progress = Math.Max(0, step - options.WarmupSteps) / (double)Math.Max(1, options.Steps - options.WarmupSteps);
        var floor = options.FinalRateShare;
        return climb * (floor + (1 - floor) * .5 * (1 + Math.Cos(Math.PI * progress)));
    }
}
