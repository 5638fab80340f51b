using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Api.VersionTree;
using Xunit;

namespace ContinualService.Api.Tests.VersionTree;

[Collection(LearnedCollection.Name)]
public sealed class LineageTests(LearnedWorld world)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Lineage_HasWhereEveryVersionComesFrom()
    {
        var lineage = await world.Client.GetNodeAsync("/adapters/bot/lineage");

        var nodes = lineage["nodes"]!.AsArray();
        Assert.Equal((4, "slao", "tiny"), ((int)lineage["head"]!, (string)lineage["method"]!, (string)lineage["model"]!));
        Assert.Equal(
            [(1, null, "trained", "first"), (2, 1, "trained", "second"), (3, 1, "adopted", "second"), (4, 1, "trained", "third \"<x>\"")],
            nodes.Select(node => ((int)node!["version"]!, (int?)node["parent"], (string)node["origin"]!, (string)node["task"]!)));
        Assert.Equal([(true, false), (false, false), (false, false), (true, true)], nodes.Select(node => ((bool)node!["onPath"]!, (bool)node["head"]!)));
        Assert.Equal(["", "canary", "", "live"], nodes.Select(node => string.Join(' ', node!["aliases"]!.AsArray())));
        Assert.Equal([null, null, (string?)world.Preview["id"], null], nodes.Select(node => (string?)node!["mergePreviewId"]));
        var task = await world.Client.GetNodeAsync($"/tasks/{nodes[1]!["taskId"]}");
        var rows = (await world.Client.GetNodeAsync("/adapters/bot/storage"))["tasks"]![1]!["parts"]!.AsArray();
        Assert.Equal([(string?)rows[0]!["sha256"], (string?)rows[1]!["sha256"]], [(string?)nodes[1]!["datasetSha256"], (string?)nodes[1]!["evaluationSha256"]]);
        Assert.Equal("second", (string?)task["name"]);
        Assert.Equal(
            [
                (0, 1, "parent"), (1, 2, "parent"), (1, 3, "parent"), (2, 3, "adopted"), (3, 1, "rollback"), (1, 4, "parent"), (4, 2, "live"), (2, 4, "live"),
            ],
            lineage["edges"]!.AsArray().Select(edge => ((int)edge!["from"]!, (int)edge["to"]!, (string)edge["kind"]!)));
        Assert.Equal([4, 6, 7], lineage["edges"]!.AsArray().Select((edge, index) => (edge, index)).Where(pair => pair.edge!["actor"] is not null).Select(pair => pair.index));
    }

    [Fact]
    public async Task Lineage_Drawn_HasABoxForEachVersionAndAnArrowForEachEdge()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/adapters/bot/lineage") { Headers = { { "Accept", "image/svg+xml" } } };
        using var response = await world.Client.SendAsync(request, Token);

        var drawing = System.Xml.Linq.XDocument.Parse(await response.Content.ReadAsStringAsync(Token)).Root!;
        Assert.Equal("image/svg+xml", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(6, drawing.Elements().Count(element => element.Name.LocalName == "rect")); // the ground, the base, four versions
        Assert.Equal(8, drawing.Elements().Count(element => element.Name.LocalName == "path"));
        Assert.Single(drawing.Elements(), element => (string?)element.Attribute("stroke-width") == "3");
        var texts = drawing.Elements().Where(element => element.Name.LocalName == "text").Select(element => element.Value).ToList();
        Assert.Contains("v4 · live", texts);
        Assert.Contains("third \"<x>\"", texts);
        Assert.Contains("rolled back", texts);
    }

    [Fact]
    public async Task Lineage_InMermaid_IsAFlowchart()
    {
        var text = await world.Client.GetStringAsync("/adapters/bot/lineage?format=mermaid", Token);

        Assert.Equal(
            """
            flowchart LR
              v0(["tiny"])
              v1["v1<br/>first"]
              v2["v2 canary<br/>second"]
              v3["v3<br/>second"]
              v4["v4 live<br/>third #34;#60;x#62;#34;"]
              v0 --> v1
              v1 --> v2
              v1 --> v3
              v2 -. adopted .-> v3
              v3 -. rolled back .-> v1
              v1 --> v4
              v4 -. live .-> v2
              v2 -. live .-> v4
              style v4 stroke-width:3px

            """,
            text);
    }

    [Fact]
    public async Task Lineage_InAnotherFormatOrOfNothing_SaysWhatThereIs()
    {
        using (var odd = await world.Client.GetAsync("/adapters/bot/lineage?format=png", Token))
            Assert.Contains("json, svg, mermaid", (string?)(await odd.ProblemAsync(HttpStatusCode.BadRequest, "unsupported_format"))["detail"], StringComparison.Ordinal);
        using var client = await world.Api.CreateTenantAsync();
        await client.CreateAdapterAsync("new");

        var lineage = await client.GetNodeAsync("/adapters/new/lineage");

        Assert.Equal((0, 0, 0), ((int)lineage["head"]!, lineage["nodes"]!.AsArray().Count, lineage["edges"]!.AsArray().Count));
        _ = System.Xml.Linq.XDocument.Parse(await client.GetStringAsync("/adapters/new/lineage?format=svg", Token));
        Assert.Equal("flowchart LR\n  v0([\"tiny\"])\n", await client.GetStringAsync("/adapters/new/lineage?format=mermaid", Token));
    }

    [Fact]
    public void Layout_OfBranches_HasTheWayToTheHeadOnTopAndNoTwoVersionsInOnePlace()
    {
        // 1 - 2 - 3 and 2 - 4, then back to 1: 5 - 6, and 7 beside 6.
        var places = LineageLayout.Of(Graph(head: 6, (1, null), (2, 1), (3, 2), (4, 2), (5, 1), (6, 5), (7, 5)));

        Assert.Equal([(0, 0), (1, 0), (2, 1), (3, 1), (3, 2), (2, 0), (3, 0), (3, 3)], Enumerable.Range(0, 8).Select(number => places[number]));
    }

    private static LineageResponse Graph(int head, params (int Number, int? Parent)[] versions)
    {
        var parents = versions.ToDictionary(version => version.Number, version => version.Parent);
        var path = new HashSet<int>();
        for (int? at = head; at is { } number; at = parents[number]) path.Add(number);
        return new LineageResponse(
            "adp", "bot", "tiny", "digest", "slao", head,
            [.. versions.Select(version => new LineageNode(version.Number, "sha", "trained", version.Parent, null, null, null, null, 1, 1, null, null, "published", [], version.Number == head, path.Contains(version.Number), null, default))], []);
    }
}
