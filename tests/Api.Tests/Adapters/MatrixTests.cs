using Xunit;

namespace ContinualService.Api.Tests.Adapters;

[Collection(LearnedCollection.Name)]
public sealed class MatrixTests(LearnedWorld world)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Matrix_AfterARollback_HasTheBaseAndTheScoreBeforeEachTaskWasLearned()
    {
        var matrix = await world.Client.GetNodeAsync("/adapters/bot/matrix");

        var (first, third) = ((string)matrix["tasks"]![0]!["id"]!, (string)matrix["tasks"]![1]!["id"]!);
        Assert.Equal([0, 1, 4], matrix["versions"]!.AsArray().Select(version => (int)version!));
        var cells = matrix["cells"]!.AsArray();
        Assert.Equal(
            [(first, 0, "base"), (first, 1, "learned"), (first, 4, "after"), (third, 0, "base"), (third, 1, "before"), (third, 4, "learned")],
            cells.Select(cell => ((string)cell!["task"]!, (int)cell["version"]!, (string)cell["kind"]!)));
        Assert.All(cells, cell => Assert.True((int)cell!["n"]! == 2 && (double)cell["low"]! < (double)cell["score"]! && (double)cell["score"]! < (double)cell["high"]!, cell.ToJsonString()));
        var transfer = (double)cells[4]!["score"]! - (double)cells[3]!["score"]!;
        Assert.Equal(transfer, (double)matrix["summary"]!["forwardTransfer"]!, 12);
        Assert.Equal([null, transfer], matrix["tasks"]!.AsArray().Select(task => (double?)task!["forwardTransfer"]));
        Assert.Equal("FWT[i] = a[i,i-1] - a[i,0], from the second task on", (string?)matrix["formulas"]!["taskForwardTransfer"]);
    }

    [Fact]
    public async Task Matrix_AsADrawing_FramesWhatWasLearnedAndNamesTheFormulas()
    {
        var svg = await world.Client.GetStringAsync("/adapters/bot/matrix?format=svg", Token);

        var drawing = System.Xml.Linq.XDocument.Parse(svg).Root!;
        var cells = drawing.Elements().Where(element => element.Name.LocalName == "rect").Skip(1).ToList();
        Assert.Equal(6, cells.Count);
        Assert.Equal([1, 5], cells.Select((cell, index) => (cell, index)).Where(pair => (string?)pair.cell.Attribute("stroke-width") == "2").Select(pair => pair.index));
        Assert.Equal([4], cells.Select((cell, index) => (cell, index)).Where(pair => pair.cell.Attribute("stroke-dasharray") is not null).Select(pair => pair.index));
        var texts = drawing.Elements().Where(element => element.Name.LocalName == "text").Select(element => element.Value).ToList();
        Assert.Equal(2, texts.Count(text => text == "loss, n = 2"));
        Assert.Contains("third \"<x>\"", texts);
        Assert.Contains("BWT = ", drawing.Elements().First(element => element.Name.LocalName == "desc").Value, StringComparison.Ordinal);
    }
}
