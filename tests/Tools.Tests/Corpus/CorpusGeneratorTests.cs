using ContinualService.Pretrain.Corpus;
using ContinualService.Pretrain.Samples;
using ContinualService.Pretrain.Training;
using Xunit;

namespace ContinualService.Tools.Tests.Corpus;

public sealed class CorpusGeneratorTests
{
    private const int Documents = 20_000;

    [Fact]
    public void Next_SameSeed_SameDocuments() => Assert.Equal(Write(3, 500), Write(3, 500));

    [Fact]
    public void Next_OtherSeed_OtherDocuments() => Assert.NotEqual(Write(3, 500), Write(4, 500));

    [Fact]
    public void Corpus_HoldsNoSampleTextAndNoSampleAnswer()
    {
        // The base must learn the sample tasks from their rows alone. Whole inputs, instructions, answers of labelled tasks, and a product's name are looked for.
        var rows = SampleTasks.Create(SampleFiles.Seed).SelectMany(task => task.Train.Concat(task.Evaluation).Concat(task.Development)).ToList();
        var labelled = rows.Where(row => row.Instruction.Length > 0); // the short facts are values (a city, a price), as in any text
        var corpus = new CorpusGenerator(new PretrainOptions().Seed);
        var turns = Enumerable.Range(0, Documents).Select(_ => corpus.Next())
            .SelectMany(document => document.Turns.Count == 0 ? [new Turn("text", document.Text)] : document.Turns).ToList();
        var everything = string.Join('\n', turns.Select(turn => turn.Content));
        var answers = turns.Where(turn => turn.Role == "assistant").Select(turn => turn.Content).ToHashSet(StringComparer.OrdinalIgnoreCase);

        Assert.DoesNotContain(rows, row => everything.Contains(row.Input, StringComparison.Ordinal));
        Assert.DoesNotContain(labelled, row => answers.Contains(row.Answer));
        Assert.DoesNotContain("Lumo", everything, StringComparison.Ordinal);
        Assert.DoesNotContain(labelled, row => everything.Contains(row.Instruction, StringComparison.Ordinal));
    }

    private static List<string> Write(int seed, int count)
    {
        var corpus = new CorpusGenerator(seed);
        return [.. Enumerable.Range(0, count).Select(_ => corpus.Next()).Select(document => document.Text + string.Join('\n', document.Turns))];
    }
}
