using ContinualService.Engine.Text;
using ContinualService.Pretrain.Bpe;
using ContinualService.Pretrain.Corpus;
using Xunit;

namespace ContinualService.Tools.Tests.Bpe;

public sealed class BpeTrainerTests
{
    private static readonly BpeVocabulary Learned = BpeTrainer.Train(Texts(1), 700);

    public static TheoryData<string> Tricky => ["Order 48213 is late!", "  two  spaces\n\nand lines ", "Käse für 5 €", "漢字 🙂 don't", "{\"a\": \"b\"} | c; d=e"];

    [Fact]
    public void Train_FrequentNeighbours_BecomeOneToken()
    {
        var vocabulary = BpeTrainer.Train(["abab abab abab"], BpeVocabulary.FirstByte + 256 + 2);
        Assert.Equal("ab", vocabulary.Spell(BpeVocabulary.FirstByte + 256));
        Assert.Equal("abab", vocabulary.Spell(BpeVocabulary.FirstByte + 257));
    }

    [Fact]
    public void Train_SameTexts_SameMerges() => Assert.Equal(Learned.Merges, BpeTrainer.Train(Texts(1), 700).Merges);

    [Theory]
    [MemberData(nameof(Tricky))]
    public void TokenizerJson_LoadedByTheEngine_GivesTheSameIdsAndTheTextBack(string text)
    {
        var tokenizer = Tokenizer.Parse(TokenizerFiles.TokenizerJson(Learned), TokenizerFiles.ConfigJson(512));
        var ids = tokenizer.Encode(text, addSpecialTokens: false).Ids;
        Assert.Equal(Learned.Encode(text), ids);
        Assert.Equal(text, tokenizer.Decode(ids, skipSpecialTokens: false));
    }

    private static IEnumerable<string> Texts(int seed)
    {
        var corpus = new CorpusGenerator(seed);
        return Enumerable.Range(0, 800).Select(_ => corpus.Next()).Select(document => document.Text + string.Join('\n', document.Turns.Select(turn => turn.Content)));
    }
}
