using System.Text.Json;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using ContinualService.Engine.Text;
using ContinualService.TestKit;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Inference;

public sealed class GreedyGeneratorTests
{
    public static TheoryData<string, string?> Cases => ConformanceCases.All;

    [Theory]
    [MemberData(nameof(Cases))]
    public void Generate_OnConformanceModel_GivesTheReferenceIds(string model, string? adapter)
    {
        var expected = ConformanceCases.Read(model, adapter);
        using var decoder = ConformanceCases.LoadDecoder(model);
        using var lora = ConformanceCases.LoadLora(adapter, decoder);

        var found = Generate(decoder, lora, [expected.Prompt], expected.Greedy.Length, []);

        Assert.Equal(expected.Greedy, found[0]);
    }

    [Fact]
    public void Generate_WithStories260K_GivesTheGoldenIdsAndText()
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(Shared.Folder("conformance/models/stories260K/golden.json")));
        int[] Ints(string name) => [.. golden.RootElement.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
        using var decoder = ConformanceCases.LoadDecoder("stories260K");

        var found = Generate(decoder, null, [Ints("prompt_ids")], Ints("greedy_ids").Length, decoder.Config.EosTokenIds);

        Assert.Equal(Ints("greedy_ids"), found[0]);
        var tokenizer = Tokenizer.Load(Shared.Folder("conformance/models/stories260K"));
        Assert.Equal(golden.RootElement.GetProperty("text").GetString(), tokenizer.Decode([.. Ints("prompt_ids"), .. found[0]], skipSpecialTokens: true).Trim());
    }

    [Theory]
    [InlineData("llama", "")]
    [InlineData("mistral", """, "sliding_window": 5 """)]
    public void Generate_ManyPromptsOfAnyLength_GivesWhatEachAloneGives(string family, string more)
    {
        using var decoder = TinyModels.Create(family, more);
        using var lora = TinyModels.CreateLora(decoder, new LoraConfig(4, 8, ["q_proj", "v_proj"]));
        var prompts = Enumerable.Range(0, 9).Select(i => TinyModels.Ids(1 + i * 5 % 13, seed: i)).ToArray();
        int[] stops = [5, 6, 7]; // common enough that rows end at different times

        var together = Generate(decoder, lora, prompts, 12, stops);

        for (var i = 0; i < prompts.Length; i++) Assert.Equal(Slow(decoder, lora, prompts[i], 12, stops), together[i]);
        Assert.Contains(together, ids => ids.Length < 12);
        Assert.Contains(together, ids => ids.Length > 0);
    }

    [Theory]
    [InlineData("llama", "")]
    [InlineData("mistral", """, "sliding_window": 5 """)]
    public void Generate_PromptsThatBeginAlike_GivesWhatEachAloneGives(string family, string more)
    {
        using var decoder = TinyModels.Create(family, more);
        using var lora = TinyModels.CreateLora(decoder, new LoraConfig(4, 8, ["q_proj", "v_proj"]));
        var beginning = TinyModels.Ids(20, seed: 3);
        // One is the beginning itself: its last token is run with the others' rest.
        int[][] prompts = [[.. beginning, .. TinyModels.Ids(7, seed: 1)], beginning, [.. beginning, .. TinyModels.Ids(1, seed: 2)], [.. beginning, .. TinyModels.Ids(13, seed: 5)]];

        var together = Generate(decoder, lora, prompts, 12, [5, 6, 7]);

        for (var i = 0; i < prompts.Length; i++) Assert.Equal(Slow(decoder, lora, prompts[i], 12, [5, 6, 7]), together[i]);
        Assert.Contains(together, ids => ids.Length > 3);
    }

    [Fact]
    public void Generate_UpToTheContext_StopsThere()
    {
        using var decoder = TinyModels.Create();

        var found = Generate(decoder, null, [TinyModels.Ids(60), TinyModels.Ids(64), TinyModels.Ids(3)], 10, []);

        Assert.Equal([4, 0, 10], found.Select(ids => ids.Length));
    }

    [Fact]
    public void Generate_NoNewTokens_IsEmpty()
    {
        using var decoder = TinyModels.Create();

        Assert.Equal([[], []], Generate(decoder, null, [TinyModels.Ids(3), TinyModels.Ids(4)], 0, []));
    }

    [Fact]
    public void Generate_EmptyPrompt_IsRefused()
    {
        using var decoder = TinyModels.Create();

        Assert.Throws<ArgumentException>(() => Generate(decoder, null, [[]], 3, []));
    }

    private static int[][] Generate(Decoder decoder, LoraWeights? lora, IReadOnlyList<int[]> prompts, int count, IReadOnlyList<int> stops) =>
        GreedyGenerator.Generate(decoder, lora, prompts, count, stops, cancellation: TestContext.Current.CancellationToken);

    /// <summary>No cache and no batch: the whole sequence again for every token.</summary>
    private static int[] Slow(Decoder decoder, LoraWeights lora, int[] prompt, int count, int[] stops)
    {
        using var scope = torch.NewDisposeScope();
        var ids = prompt.ToList();
        while (ids.Count < prompt.Length + count)
        {
            var logits = decoder.Logits(decoder.Hidden(ConformanceCases.Ids([.. ids]), lora));
            var next = (int)logits[0, ids.Count - 1].argmax().item<long>();
            if (stops.Contains(next)) break;
            ids.Add(next);
        }

        return [.. ids.Skip(prompt.Length)];
    }
}
