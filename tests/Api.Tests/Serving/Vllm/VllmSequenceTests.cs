using ContinualService.Api.Serving.Vllm;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Inference.Batching;
using Xunit;

namespace ContinualService.Api.Tests.Serving.Vllm;

public sealed class VllmSequenceTests
{
    private const string Name = "the-version";
    private readonly List<int> _tokens = [];

    [Theory]
    [InlineData("""{"token_ids": [5, 6, 7], "finish_reason": "length"}""", new[] { 5, 6, 7 })]
    [InlineData("""{"token_ids": [5, 2], "finish_reason": "stop", "stop_reason": 2, "prompt_token_ids": [1, 3]}""", new[] { 5, 2 })]
    [InlineData("""{"token_ids": [5, 2], "finish_reason": "stop"}""", new[] { 5, 2 })]
    [InlineData("""{"token_ids": [5], "finish_reason": "stop", "stop_reason": 2}""", new[] { 5, 2 })] // the ending token kept back
    public void Piece_OfAWholeAnswer_GivesItsTokens(string choice, int[] tokens)
    {
        var sequence = Sequence();

        Assert.True(sequence.Take(Piece(choice)));
        sequence.End();

        Assert.Equal(tokens, _tokens);
    }

    [Theory]
    [InlineData("""{"text": "a"}""", "0.10.2")]
    [InlineData("""{"token_ids": [5], "prompt_token_ids": [1, 1, 3]}""", "another prompt")]
    [InlineData("""{"token_ids": [5, 6, 7, 8]}""", "went on")]
    [InlineData("""{"token_ids": [2, 5]}""", "went on")]
    [InlineData("""{"token_ids": [5], "finish_reason": "abort"}""", "'abort'")]
    [InlineData("""{"token_ids": [5], "finish_reason": "stop"}""", "'stop'")]
    [InlineData("""{"token_ids": [5], "finish_reason": "stop", "stop_reason": "text"}""", "'stop'")]
    [InlineData("""{"token_ids": [5, 2], "finish_reason": "length"}""", "'length'")]
    [InlineData("""{"token_ids": []}, {"token_ids": []}""", "more choices")]
    public void Piece_ThatIsNotWhatWasAskedFor_IsRefused(string choices, string says)
    {
        var error = Assert.Throws<VllmException>(() => Sequence().Take(Piece(choices)));

        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"token_ids": [5]}""")]
    [InlineData("""{"token_ids": [5], "logprobs": {"token_logprobs": [null], "top_logprobs": [{}]}}""")]
    [InlineData("""{"token_ids": [5, 6], "logprobs": {"token_logprobs": [-1], "top_logprobs": [{}]}}""")]
    [InlineData("""{"token_ids": [5], "logprobs": {"token_logprobs": [-1], "top_logprobs": [{"text": -1}]}}""")]
    public void Piece_WithoutTheLogProbabilities_IsRefused(string choice) =>
        Assert.Throws<VllmException>(() => Sequence(scores: true).Take(Piece(choice)));

    [Fact]
    public void End_BeforeTheServerSaysSo_IsRefused()
    {
        var sequence = Sequence();
        sequence.Take(Piece("""{"token_ids": [5, 6]}"""));

        Assert.Throws<VllmException>(sequence.End);
    }

    [Fact]
    public void Piece_AfterTheEnd_IsRefused()
    {
        var sequence = Sequence();
        sequence.Take(Piece("""{"token_ids": [5], "finish_reason": "length"}"""));

        Assert.Throws<VllmException>(() => sequence.Take(Piece("""{"token_ids": [6]}""")));
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("null")]
    [InlineData("""{"model": 4}""")]
    public void Text_ThatIsNoAnswer_IsRefused(string text) => Assert.Throws<VllmException>(() => VllmAnswer.Parse(text));

    [Fact]
    public void Name_OfAVersion_IsOfItsOwnerAndAdapter()
    {
        var version = new Domain.Adapters.AdapterVersion { Id = "ver_1", AdapterId = "adp_01ab", Number = 12, Sha256 = new string('c', 64), StateSha256 = "", Lambda = 1, TaskIndex = 1 };
        var name = VllmName.Of("0123456789ab", version.AdapterId, version);

        Assert.Equal("cs-0123456789ab-adp_01ab-v12-cccccccccccccccc", name);
        Assert.Equal(("0123456789ab", "adp_01ab"), VllmName.Parse(name));
        foreach (var other in new[] { "cs-0123456789ab-adp_01ab-v12-ccccccccccccccc", name + "0", name + "\n", "x" + name, "cs-0123456789ab-../adp-v12-cccccccccccccccc", "llama3" }) Assert.Null(VllmName.Parse(other));
        Assert.Throws<InvalidOperationException>(() => VllmName.Of("0123456789ab", "../etc", version));
    }

    private VllmSequence Sequence(bool scores = false) => new(
        new SequenceRequest("tenant", null, [1, 3], 3, new SamplingOptions(TopLogProbabilities: 1), Take, _ => { }) { WantsLogProbabilities = scores }, Name, endIds: [2]);

    private bool Take(ScoredToken token)
    {
        _tokens.Add(token.Id);
        return token.Id != 2;
    }

    private static VllmAnswer Piece(string choices) => VllmAnswer.Parse($$"""{"model": "{{Name}}", "choices": [{{choices}}]}""");
}
