using ContinualService.Engine.Inference;
using ContinualService.Engine.Inference.Batching;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Inference.Batching;

public sealed class BatchEngineTests
{
    private static readonly LoraConfig EveryLinear = new(4, 8, [LoraConfig.AllLinear]);
    private static readonly LoraConfig SomeLinears = new(2, 8, ["q_proj", "down_proj"]);
    private static readonly LoraConfig Wide = new(8, 4, ["v_proj", "up_proj"], UseRsLora: true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("llama", "")]
    [InlineData("mistral", """, "sliding_window": 5 """)]
    [InlineData("qwen2", "")]
    [InlineData("qwen3", "")]
    public async Task Submit_AdaptersOfDifferentShapesAtOnce_EachAnswersAsAlone(string family, string more)
    {
        using var decoder = TinyModels.Create(family, more);
        using var first = TinyModels.CreateLora(decoder, EveryLinear, seed: 1);
        using var second = TinyModels.CreateLora(decoder, SomeLinears, seed: 2);
        using var third = TinyModels.CreateLora(decoder, Wide, seed: 3);
        LoraWeights?[] loras = [first, null, second, third];
        using var engine = Answer.Engine(decoder, new BatchOptions(MaxRows: 6, StepTokens: 7));

        var requests = Enumerable.Range(0, 12).Select(index =>
        {
            var (lora, prompt) = (loras[index % 4], TinyModels.Ids(3 + (3 * index), seed: index));
            return (Lora: lora, Prompt: prompt, Answer: Answer.To(engine, prompt, 4 + index, Adapter(lora, index % 4)));
        }).ToList();
        await Task.WhenAll(requests.Select(request => request.Answer.Ended)).WaitAsync(Token);

        foreach (var (lora, prompt, answer) in requests)
        {
            Alone.AssertIsOwn(decoder, lora, prompt, answer);
            Assert.Equal(Alone.Greedy(decoder, lora, prompt, answer.Tokens.Count), answer.Ids);
        }

        Assert.Equal(Enumerable.Range(4, 12), requests.Select(request => request.Answer.Tokens.Count));
    }

    [Fact]
    public async Task Submit_MoreAdaptersThanSlots_AllAreServedByTheirOwn()
    {
        using var decoder = TinyModels.Create();
        var loras = Enumerable.Range(0, 5).Select(seed => TinyModels.CreateLora(decoder, EveryLinear, seed + 1)).ToList();
        using var engine = Answer.Engine(decoder, new BatchOptions(MaxAdapters: 2));
        var prompt = TinyModels.Ids(6);

        var answers = Enumerable.Range(0, 15).Select(index => Answer.To(engine, prompt, 5, Adapter(loras[index % 5], index % 5))).ToList();
        await Task.WhenAll(answers.Select(answer => answer.Ended)).WaitAsync(Token);

        for (var index = 0; index < 15; index++) Alone.AssertIsOwn(decoder, loras[index % 5], prompt, answers[index]);
        foreach (var lora in loras) lora.Dispose();
    }

    [Fact]
    public async Task Submit_ScoredPromptInPieces_HasTheScoresOfTheWhole()
    {
        using var decoder = TinyModels.Create();
        using var lora = TinyModels.CreateLora(decoder, EveryLinear);
        using var engine = Answer.Engine(decoder, new BatchOptions(StepTokens: 4));
        var prompt = TinyModels.Ids(25);
        // What is in the cache must not save a scored prompt its way through the model.
        await Answer.To(engine, [.. prompt, 5], 1, Adapter(lora)).Ended.WaitAsync(Token);

        var scored = Answer.To(engine, prompt, 0, Adapter(lora), scorePrompt: true);
        var beside = Answer.To(engine, TinyModels.Ids(20, seed: 9), 6, Adapter(lora));
        await Task.WhenAll(scored.Ended, beside.Ended).WaitAsync(Token);

        var expected = SequenceScorer.LogProbabilities(decoder, lora, [prompt], cancellation: Token)[0];
        Assert.Empty(scored.Tokens);
        Assert.Equal(prompt, scored.PromptScores.Select(token => token.Id));
        for (var t = 1; t < prompt.Length; t++) Assert.InRange((float)scored.PromptScores[t].LogProbability - expected[t], -Alone.Tolerance, Alone.Tolerance);
    }

    [Fact]
    public async Task Submit_SameBeginning_IsTakenOverForTheSameOwnerAndWeightsAlone()
    {
        using var decoder = TinyModels.Create();
        using var lora = TinyModels.CreateLora(decoder, EveryLinear);
        using var other = TinyModels.CreateLora(decoder, EveryLinear, seed: 8);
        using var meter = new TokenMeter();
        using var engine = new BatchEngine(decoder, new BatchOptions(), "tiny", meter.Metrics);
        var prompt = TinyModels.Ids(30);
        var first = Answer.To(engine, prompt, 4, Adapter(lora));
        await first.Ended.WaitAsync(Token);
        Assert.Equal(0, meter.Cached);

        // The same prompt, a longer conversation that begins with it, one that leaves it halfway.
        int[][] prompts = [prompt, [.. prompt, .. first.Ids, 7, 8, 9], [.. prompt[..20], 4, 4, 4]];
        long[] expected = [29, 33, 20];
        for (var i = 0; i < prompts.Length; i++)
        {
            var before = meter.Cached;
            var answer = Answer.To(engine, prompts[i], 4, Adapter(lora));
            await answer.Ended.WaitAsync(Token);
            Assert.Equal(expected[i], meter.Cached - before);
            Assert.Equal(expected[i], Assert.Single(answer.Cached));
            Alone.AssertIsOwn(decoder, lora, prompts[i], answer);
        }

        var cached = meter.Cached;
        var (otherWeights, otherOwner, baseModel) = (Answer.To(engine, prompt, 4, Adapter(other, 1)), Answer.To(engine, prompt, 4, Adapter(lora), owner: "b"), Answer.To(engine, prompt, 4));
        await Task.WhenAll(otherWeights.Ended, otherOwner.Ended, baseModel.Ended).WaitAsync(Token);
        Assert.Equal(cached, meter.Cached);
        Assert.All([otherWeights, otherOwner, baseModel], answer => Assert.Equal([0], answer.Cached));
        Alone.AssertIsOwn(decoder, other, prompt, otherWeights);
        Alone.AssertIsOwn(decoder, null, prompt, baseModel);
    }

    [Fact]
    public async Task Submit_SamePromptManyTimesAtOnce_IsReadOnce()
    {
        using var decoder = TinyModels.Create(context: 512);
        using var meter = new TokenMeter();
        using var engine = new BatchEngine(decoder, new BatchOptions(StepTokens: 64), "tiny", meter.Metrics);
        var prompt = TinyModels.Ids(300);

        var answers = Enumerable.Range(0, 4).Select(seed => Answer.To(engine, prompt, 5, sampling: new SamplingOptions(Seed: seed))).ToList();
        await Task.WhenAll(answers.Select(answer => answer.Ended)).WaitAsync(Token);

        Assert.InRange(meter.Prompt, 300, 300 + (3 * 64));
        foreach (var answer in answers) Alone.AssertIsOwn(decoder, null, prompt, answer);
        Assert.True(answers.Select(answer => string.Join(' ', answer.Ids)).Distinct().Count() > 1, "Different seeds drew the same.");
    }

    [Fact]
    public async Task Submit_LessMemoryThanTheAnswersNeed_TheYoungestBeginAnewAndAllEndAsAlone()
    {
        using var decoder = TinyModels.Create();
        using var meter = new TokenMeter();
        using var engine = new BatchEngine(decoder, new BatchOptions(CacheTokens: 100), "tiny", meter.Metrics);
        var prompts = Enumerable.Range(0, 6).Select(seed => TinyModels.Ids(10, seed)).ToList();

        var held = 0L;
        var answers = prompts.Select(prompt => Answer.To(engine, prompt, 54, onToken: _ => held = Math.Max(held, engine.Load.CacheTokens))).ToList();
        await Task.WhenAll(answers.Select(answer => answer.Ended)).WaitAsync(Token);

        Assert.InRange(held, 64, 100);
        Assert.NotEqual(0, meter.Preempted);
        for (var i = 0; i < prompts.Count; i++)
        {
            Assert.Equal(54, answers[i].Tokens.Count);
            Alone.AssertIsOwn(decoder, null, prompts[i], answers[i]);
        }
    }

    [Fact]
    public async Task Submit_PutBackWhileItsPromptWasRead_CountsTheCacheOfItsFirstAdmissionAlone()
    {
        using var decoder = TinyModels.Create(context: 128);
        using var meter = new TokenMeter();
        using var engine = new BatchEngine(decoder, new BatchOptions(StepTokens: 2, CacheTokens: 128), "tiny", meter.Metrics);
        var prompt = TinyModels.Ids(62);
        using var gate = new ManualResetEventSlim();
        var older = Answer.To(engine, TinyModels.Ids(61, seed: 5), 20, onToken: _ => gate.Wait(TimeSpan.FromSeconds(30)));
        await older.Begun.WaitAsync(Token);
        var younger = Answer.To(engine, prompt, 20);
        gate.Set();
        await Task.WhenAll(older.Ended, younger.Ended).WaitAsync(Token);

        // The older one grew past the budget while the younger one's prompt was still on its way.
        Assert.NotEqual(0, meter.Preempted);
        Assert.Equal([0], younger.Cached);
        Assert.Equal(0, meter.Cached);
        Alone.AssertIsOwn(decoder, null, prompt, younger);
    }

    [Fact]
    public async Task Submit_Cancelled_EndsInLineAndInTheBatchAndLeavesTheOthersAlone()
    {
        using var decoder = TinyModels.Create();
        using var engine = Answer.Engine(decoder, new BatchOptions(MaxRows: 2));
        using var cancellation = new CancellationTokenSource();
        using var gate = new ManualResetEventSlim();
        var prompt = TinyModels.Ids(5);
        var kept = Answer.To(engine, prompt, 40, onToken: _ => gate.Wait(TimeSpan.FromSeconds(30)));
        var running = Answer.To(engine, TinyModels.Ids(6), 50, cancel: cancellation);
        var waiting = Answer.To(engine, TinyModels.Ids(7), 50, cancel: cancellation);
        await kept.Begun.WaitAsync(Token);
        await cancellation.CancelAsync();
        gate.Set();
        await Task.WhenAll(kept.Ended, running.Ended, waiting.Ended).WaitAsync(Token);

        Assert.IsType<OperationCanceledException>(running.Error);
        Assert.IsType<OperationCanceledException>(waiting.Error);
        Assert.True(running.Tokens.Count < 50);
        Assert.Empty(waiting.Tokens);
        Alone.AssertIsOwn(decoder, null, prompt, kept);
        Assert.Equal(40, kept.Tokens.Count);
    }

    [Fact]
    public async Task Submit_ReceiverOfTheAdmissionThrows_EndsItsOwnSequenceAlone()
    {
        using var decoder = TinyModels.Create();
        using var engine = Answer.Engine(decoder, new BatchOptions());
        var ended = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.Submit(new SequenceRequest("a", null, TinyModels.Ids(4), 3, new SamplingOptions(), _ => true, ended.SetResult) { OnAdmitted = _ => throw new FormatException("broken") });
        var whole = Answer.To(engine, TinyModels.Ids(5), 3);
        await whole.Ended.WaitAsync(Token);

        Assert.IsType<FormatException>(await ended.Task.WaitAsync(Token));
        Assert.Equal(3, whole.Tokens.Count);
    }

    [Fact]
    public async Task Submit_ReceiverThrows_EndsItsOwnSequenceAlone()
    {
        using var decoder = TinyModels.Create();
        using var engine = Answer.Engine(decoder, new BatchOptions());
        var prompt = TinyModels.Ids(5);

        var broken = Answer.To(engine, prompt, 20, onToken: _ => throw new FormatException("broken"));
        var whole = Answer.To(engine, prompt, 20);
        await Task.WhenAll(broken.Ended, whole.Ended).WaitAsync(Token);

        Assert.IsType<FormatException>(broken.Error);
        Assert.Single(broken.Tokens);
        Assert.Equal(20, whole.Tokens.Count);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public async Task Submit_WeightsNotFinite_AreRefusedAndNobodyElseIsSpoiled(float value)
    {
        using var decoder = TinyModels.Create();
        using var bad = TinyModels.CreateLora(decoder, EveryLinear);
        using var good = TinyModels.CreateLora(decoder, EveryLinear, seed: 6);
        bad.Pairs[3].B[0, 0] = torch.tensor(value);
        using var engine = Answer.Engine(decoder, new BatchOptions());
        var prompt = TinyModels.Ids(8);

        var (refused, served) = (Answer.To(engine, prompt, 5, Adapter(bad, 1)), Answer.To(engine, prompt, 5, Adapter(good, 2)));
        await Task.WhenAll(refused.Ended, served.Ended).WaitAsync(Token);

        Assert.Contains("not finite", Assert.IsType<ModelFormatException>(refused.Error).Message, StringComparison.Ordinal);
        Alone.AssertIsOwn(decoder, good, prompt, served);
    }

    [Fact]
    public async Task Submit_NeighbourOverflows_LeavesTheOthersTokensAlone()
    {
        using var decoder = TinyModels.Create();
        using var huge = TinyModels.CreateLora(decoder, EveryLinear);
        using var good = TinyModels.CreateLora(decoder, EveryLinear, seed: 6);
        using (torch.no_grad())
            foreach (var pair in huge.Pairs) pair.A.fill_(3e38);
        using var engine = Answer.Engine(decoder, new BatchOptions());
        var prompt = TinyModels.Ids(8);

        var answers = Enumerable.Range(0, 6).Select(index => Answer.To(engine, prompt, 5, index % 2 == 0 ? Adapter(good, 2) : Adapter(huge, 1))).ToList();
        await Task.WhenAll(answers.Select(answer => answer.Ended)).WaitAsync(Token);

        for (var index = 0; index < 6; index += 2) Alone.AssertIsOwn(decoder, good, prompt, answers[index]);
    }

    [Fact]
    public async Task Submit_OneOwnerFloods_TheOtherGetsItsHalfFromThenOn()
    {
        using var decoder = TinyModels.Create();
        using var engine = Answer.Engine(decoder, new BatchOptions(MaxRows: 4));
        using var gate = new ManualResetEventSlim();
        var order = new List<string>();
        Action<ScoredToken> Note(string owner) => _ =>
        {
            gate.Wait(TimeSpan.FromSeconds(30));
            lock (order) order.Add(owner);
        };

        var flood = Enumerable.Range(0, 40).Select(seed => Answer.To(engine, TinyModels.Ids(4, seed), 8, owner: "flood", onToken: Note("flood"))).ToList();
        await flood[0].Begun.WaitAsync(Token).ContinueWith(_ => { }, TaskScheduler.Default);
        var calm = Enumerable.Range(0, 10).Select(seed => Answer.To(engine, TinyModels.Ids(4, seed + 50), 8, owner: "calm", onToken: Note("calm"))).ToList();
        gate.Set();
        await Task.WhenAll(flood.Concat(calm).Select(answer => answer.Ended)).WaitAsync(Token);

        // From the first batch's end to the end of the calm one: half of the tokens are its own, within a batch at either edge.
        var from = order.IndexOf("calm");
        var shared = order[from..(order.LastIndexOf("calm") + 1)];
        Assert.InRange(from, 0, 4 * 8);
        Assert.InRange(shared.Count(owner => owner == "calm") / (double)shared.Count, 0.4, 0.7);
    }

    [Theory]
    [InlineData(new[] { 40, 8 }, new[] { 24, 8 })]
    [InlineData(new[] { 8, 40, 6 }, new[] { 8, 8, 30 })]
    public async Task Submit_OwnersWhoAlwaysHaveWorkWaiting_GetEqualTokensHoweverManyAndLongTheirRequests(int[] clients, int[] lengths)
    {
        const int MostTokens = 6_000;
        using var decoder = TinyModels.Create();
        using var engine = Answer.Engine(decoder, new BatchOptions(MaxRows: 6));
        var (computed, seed) = (new long[clients.Length], 0); // the engine's thread counts, once all have begun
        using var allThere = new ManualResetEventSlim();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // A client sends its next request as soon as it has its answer.
        void Ask(int owner)
        {
            int[] prompt = TinyModels.Ids(10, seed: Interlocked.Increment(ref seed));
            engine.Submit(new SequenceRequest(
                $"{owner}", null, prompt, lengths[owner], new SamplingOptions(Temperature: 0),
                _ =>
                {
                    allThere.Wait(TimeSpan.FromSeconds(30));
                    computed[owner]++;
                    return true;
                },
                error =>
                {
                    computed[owner] += prompt.Length - 1; // its last token was not computed
                    if (error is null && computed.Sum() < MostTokens) Ask(owner);
                    else done.TrySetResult();
                }));
        }

        for (var owner = 0; owner < clients.Length; owner++)
            for (var client = 0; client < clients[owner]; client++) Ask(owner);
        allThere.Set();
        await done.Task.WaitAsync(Token);
        var shares = computed.Select(tokens => tokens * clients.Length / (double)computed.Sum()).ToList();

        Assert.All(shares, share => Assert.InRange(share, 0.8, 1.2));
    }

    [Fact]
    public async Task Submit_LineFull_SaysForWhom()
    {
        using var decoder = TinyModels.Create();
        using var engine = Answer.Engine(decoder, new BatchOptions(MaxRows: 1, MaxWaiting: 3, MaxWaitingPerOwner: 2));
        using var gate = new ManualResetEventSlim();
        var running = Answer.To(engine, TinyModels.Ids(4), 2, onToken: _ => gate.Wait(TimeSpan.FromSeconds(30)));
        await running.Begun.WaitAsync(Token);

        var admissions = new[] { "a", "a", "a", "b", "b", "c" }.Select(owner => Answer.Try(engine, TinyModels.Ids(4), 2, owner: owner)).ToList();
        gate.Set();
        await Task.WhenAll(admissions.Where(each => each.Admission == Admission.Taken).Select(each => each.Answer.Ended)).WaitAsync(Token);

        Assert.Equal([Admission.Taken, Admission.Taken, Admission.OwnerFull, Admission.Taken, Admission.Full, Admission.Full], admissions.Select(each => each.Admission));
    }

    [Fact]
    public void Submit_MoreTokensThanFit_IsRefused()
    {
        using var decoder = TinyModels.Create();
        using var engine = Answer.Engine(decoder, new BatchOptions(CacheTokens: 40));

        Assert.Equal(40, engine.MaxTokens);
        Assert.Throws<ArgumentException>(() => Answer.To(engine, TinyModels.Ids(36), 5));
        Assert.Throws<ArgumentException>(() => Answer.To(engine, [], 5));
        Assert.Throws<ArgumentException>(() => Answer.To(engine, TinyModels.Ids(3), 0));
    }

    [Fact]
    public async Task Dispose_WhileSequencesRunAndWait_TellsThemAll()
    {
        using var decoder = TinyModels.Create();
        var engine = Answer.Engine(decoder, new BatchOptions(MaxRows: 1));
        using var gate = new ManualResetEventSlim();
        var answers = Enumerable.Range(0, 3).Select(seed => Answer.To(engine, TinyModels.Ids(4, seed), 40, onToken: _ => gate.Wait(TimeSpan.FromSeconds(30)))).ToList();
        await answers[0].Begun.WaitAsync(Token);
        var disposing = Task.Run(engine.Dispose, Token);
        gate.Set();
        await disposing.WaitAsync(Token);

        Assert.All(answers, answer => Assert.True(answer.Ended.IsCompleted));
        Assert.All(answers[1..], answer => Assert.IsType<OperationCanceledException>(answer.Error));
        Assert.Equal(Admission.Full, Answer.Try(engine, TinyModels.Ids(4), 1).Admission);
    }

    private static BatchAdapter? Adapter(LoraWeights? lora, int name = 0) => lora is null ? null : new BatchAdapter($"digest-{name}", lora);
}
