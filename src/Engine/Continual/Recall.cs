using ContinualService.Engine.Data;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>
/// Our own: the adapter is its own memory. It learns to write the prompts of its tasks as well as their answers, and before the next task it writes some of each: rows of no
/// data set, on which the next task is trained along with its own. One LoRA, tuned on from where it stands and served as it stands; keeps |A| + |B| and no row. Generative replay
/// (Shin et al. 2017; LAMOL, arXiv 1909.03329) without a second network, task tokens, or a share of the old tasks that dies out: see docs/methods.md.
/// <list type="bullet">
/// <item><c>share</c>: rows recalled, for each row of the task.</item>
/// <item><c>prompt</c>: weight of all prompts' tokens in the loss, for 1 of all answers' tokens.</item>
/// <item><c>temperature</c> of the prompts; answers are the likeliest.</item>
/// </list></summary>
public sealed class Recall : IContinualMethod
{
    private readonly double _share;
    private readonly double _prompt;
    private readonly double _temperature;

    public Recall(MethodOptions? options = null)
    {
        Options = options ?? new MethodOptions(MethodOption.Number("share", 1, 0, 10), MethodOption.Number("prompt", 1, 0, 100), MethodOption.Number("temperature", 0.8, 0.01, 5));
        (_share, _prompt, _temperature) = (Options.Number("share"), Options.Number("prompt"), Options.Number("temperature"));
    }

    public string Name => "recall";

    public MethodOptions Options { get; }

    public bool NeedsUserTurn => true;

    public IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) =>
        [StateTensor.LikeA(StateTensor.FineTunedA, config, site), StateTensor.LikeB(StateTensor.FineTunedB, config, site)];

    public int RowsAtMost(int rows, int earlierTasks) => rows + (earlierTasks > 0 ? Wanted(rows) : 0);

    public IReadOnlyList<EncodedExample> RowsOf(Decoder decoder, AdapterState? previous, IReadOnlyList<EncodedExample> rows, TrainingOptions options, CancellationToken cancellationToken)
    {
        var recalled = previous is null ? [] : Recalled(decoder, previous, rows, options, cancellationToken);
        return Weighted(rows, recalled, previous?.TaskIndex ?? 0, _prompt);
    }

    public Tuning StartTask(Decoder decoder, LoraConfig config, AdapterState? previous, Generator generator)
    {
        using var scope = NewDisposeScope();
        return new Tuning(TunedPairs.StartOf(decoder, config, previous, generator));
    }

    public AdapterState FinishTask(LoraConfig config, Tuning tuned, AdapterState? previous)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new AdapterState(config, this, (previous?.TaskIndex ?? 0) + 1, [.. tuned.Lora.Pairs.Select(pair => new AdapterSite(
            pair.Site, new Dictionary<string, Tensor> { [StateTensor.FineTunedA] = pair.A.detach().clone(), [StateTensor.FineTunedB] = pair.B.detach().clone() }))]);
    }

    public (Tensor A, Tensor B) Serve(AdapterSite site) => (site.AFineTuned.clone(), site.BFineTuned.clone());

    /// <summary>
    /// The rows with the weights they are trained by. Answers' tokens count 1. Prompts' tokens count together <paramref name="prompt"/> times as much as all answers' tokens; of that the task's own get
    /// 1 / t and the recalled ones, which stand for the t - 1 tasks before, the rest, however many they are: so the adapter goes on writing the prompts of every task equally often.
    /// </summary>
    /// <param name="own">The task's.</param>
    /// <param name="recalled">Of the tasks before.</param>
    /// <param name="earlierTasks">t - 1.</param>
    /// <param name="prompt">0: prompts are not trained.</param>
    /// <returns>The task's own, then the recalled ones.</returns>
    internal static IReadOnlyList<EncodedExample> Weighted(IReadOnlyList<EncodedExample> own, IReadOnlyList<EncodedExample> recalled, int earlierTasks, double prompt)
    {
        double answers = own.Concat(recalled).Sum(Trainer.LabelledTokens);
        var ownPart = recalled.Count > 0 ? 1.0 / (earlierTasks + 1) : 1;
        return [.. own.Select(With(own, ownPart)), .. recalled.Select(With(recalled, 1 - ownPart))];

        Func<EncodedExample, EncodedExample> With(IReadOnlyList<EncodedExample> rows, double part)
        {
            double tokens = rows.Sum(row => Math.Max(0, row.Ids.Length - 1) - Trainer.LabelledTokens(row));
            var each = tokens > 0 ? (float)(prompt * answers * part / tokens) : 0;
            return row => each == 0 ? row : row with
            {
                Labels = row.Ids,
                Weights = [.. row.Labels.Select(label => label == EncodedExample.IgnoreIndex ? each : 1)],
            };
        }
    }

    private IReadOnlyList<EncodedExample> Recalled(Decoder decoder, AdapterState previous, IReadOnlyList<EncodedExample> rows, TrainingOptions options, CancellationToken cancellationToken)
    {
        if (rows.Select(row => row.UserTurn).FirstOrDefault(each => each is not null) is not { } turn) return [];
        // The last token that is learned of an answer; a template may write more after it.
        var end = rows.Select(row => row.LastTrained).FirstOrDefault(label => label != EncodedExample.IgnoreIndex, EncodedExample.IgnoreIndex);
        if (end == EncodedExample.IgnoreIndex) return [];
        var longest = Math.Min(options.MaxSequenceLength ?? rows.Max(row => row.Ids.Length), decoder.Config.MaxPositions);
        using var generator = new SeedStreams(options.Seed).TensorGenerator(SeedStreams.Recall);
        using var served = previous.ServingWeights();
        var prompts = PromptSampler.Draw(decoder, served, turn, Wanted(rows.Count), longest - 1, _temperature, generator, cancellationToken);
        if (prompts.Count == 0) return [];
        var room = longest - prompts.Min(prompt => prompt.Length);
        var answers = GreedyGenerator.Generate(decoder, served, prompts, room, [.. decoder.Config.EosTokenIds, end], null, null, cancellationToken);
        return [.. prompts.Zip(answers).Where(row => row.Second.Length > 0 && row.First.Length + row.Second.Length < longest).Select(row => Answered(row.First, row.Second, end))];
    }

    private int Wanted(int rows) => (int)Math.Round(_share * rows);

    private static EncodedExample Answered(int[] prompt, int[] answer, int end) =>
        new([.. prompt, .. answer, end], [.. prompt.Select(_ => EncodedExample.IgnoreIndex), .. answer, end], prompt, null, []);
}
