using System.Globalization;
using System.Text;

namespace ContinualService.Api.VersionTree;

/// <summary>The graph in Mermaid's words, for a page or a README that renders them.</summary>
internal static class LineageMermaid
{
    public static string Write(LineageResponse lineage)
    {
        var text = new StringBuilder("flowchart LR\n");
        text.Append(CultureInfo.InvariantCulture, $"  v0([\"{Quote(lineage.Model)}\"])\n");
        foreach (var node in lineage.Nodes)
            text.Append(CultureInfo.InvariantCulture, $"  v{node.Version}[\"v{node.Version}{string.Concat(node.Aliases.Select(alias => " " + Quote(alias)))}<br/>{Quote(node.Task ?? node.Origin)}\"]\n");
        foreach (var edge in lineage.Edges.DistinctBy(edge => (edge.From, edge.To, edge.Kind)))
        {
            var arrow = edge.Kind switch
            {
                LineageEdge.ParentKind => "-->",
                LineageEdge.AdoptedKind => "-. adopted .->",
                LineageEdge.RollbackKind => "-. rolled back .->",
                _ => "-. live .->",
            };
            text.Append(CultureInfo.InvariantCulture, $"  v{edge.From} {arrow} v{edge.To}\n");
        }

        if (lineage.Head > 0) text.Append(CultureInfo.InvariantCulture, $"  style v{lineage.Head} stroke-width:3px\n");
        return text.ToString();
    }

    // Mermaid's own entities: a name must end neither the text nor the line.
    private static string Quote(string name)
    {
        var quoted = new StringBuilder();
        foreach (var letter in name)
        {
            if (char.IsLetterOrDigit(letter) || " -_.,:/()".Contains(letter)) quoted.Append(letter);
            else if (char.IsControl(letter)) quoted.Append(' ');
            else if (char.IsAscii(letter)) quoted.Append(CultureInfo.InvariantCulture, $"#{(int)letter};");
            else quoted.Append(letter);
        }

        return quoted.ToString();
    }
}
