using System.Globalization;
using System.Net;
using System.Text;
using ContinualService.Api.Adapters;

namespace ContinualService.Api.VersionTree;

/// <summary>The graph as a drawing: time goes to the right, the way to the head is the top lane, branches lie below it.</summary>
internal static class LineageSvg
{
    private const int Left = 24;
    private const int Top = 104;
    private const int BoxWidth = 168;
    private const int BoxHeight = 66;
    private const int ColumnWidth = 212;
    private const int LaneHeight = 112;
    private const int GapLine = 15; // below a lane's boxes
    private const int LongestName = 22;
    private const string Line = "#7d919b";
    private const string Back = "#b4472f";

    public static string Draw(LineageResponse lineage)
    {
        var places = LineageLayout.Of(lineage);
        var width = Math.Max(560, Left + (places.Values.Max(place => place.Column) + 1) * ColumnWidth);
        var height = Top + (places.Values.Max(place => place.Lane) + 1) * LaneHeight + 24;
        var svg = SvgText.Open(width, height, "Lineage", $"Versions of {lineage.Adapter}; each arrow leads from the version that a task started from to the one that it made.");
        svg.Append(CultureInfo.InvariantCulture, $"""
            <defs>
            <marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="{Line}"/></marker>
            <marker id="back" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="{Back}"/></marker>
            </defs>

            """);
        svg.Write(Left, 32, 16, SvgText.Ink, $"Versions of {SvgText.Shorten(lineage.Adapter, 48)}", weight: 600);
        svg.Write(Left, 52, 12, SvgText.Faint, $"{lineage.Method} on {SvgText.Shorten(lineage.Model, 40)}. Thick frame: the head. Shaded: on the way to it. Averages are of the scores on held-out rows.");
        foreach (var edge in lineage.Edges.DistinctBy(edge => (edge.From, edge.To, edge.Kind))) DrawEdge(svg, edge, places[edge.From], places[edge.To]);
        var (x, y) = At(places[0]);
        svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x}\" y=\"{y + 14}\" width=\"{BoxWidth}\" height=\"{BoxHeight - 28}\" rx=\"19\" fill=\"#ffffff\" stroke=\"{Line}\"><title>{WebUtility.HtmlEncode(lineage.BaseDigest)}</title></rect>\n");
        svg.Write(x + BoxWidth / 2, y + 38, 13, SvgText.Ink, SvgText.Shorten(lineage.Model, LongestName - 2), anchor: "middle");
        foreach (var node in lineage.Nodes) DrawNode(svg, node, places[node.Version]);
        return svg.Append("</svg>\n").ToString();
    }

    private static void DrawNode(StringBuilder svg, LineageNode node, (int Column, int Lane) place)
    {
        var (x, y) = At(place);
        var frame = node.Head ? $"stroke=\"{SvgText.Ink}\" stroke-width=\"3\"" : $"stroke=\"{Line}\"";
        var told = $"version {node.Version}, {node.Origin}, {node.CreatedAt:u}; weights {node.Sha256}; rows {node.DatasetSha256 ?? "not known"}";
        svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x}\" y=\"{y}\" width=\"{BoxWidth}\" height=\"{BoxHeight}\" rx=\"6\" fill=\"{(node.OnPath ? "#d9e8ee" : "#ffffff")}\" {frame}><title>{WebUtility.HtmlEncode(told)}</title></rect>\n");
        svg.Write(x + 10, y + 20, 13, SvgText.Ink, SvgText.Shorten(string.Join(" · ", node.Aliases.Prepend($"v{node.Version}")), LongestName - 2), weight: 600);
        svg.Write(x + 10, y + 38, 12, SvgText.Ink, SvgText.Shorten(node.Task ?? "imported", LongestName));
        var average = node.AverageAccuracy is { } mean ? string.Create(CultureInfo.InvariantCulture, $" · avg {mean:0.000}") : "";
        svg.Write(x + 10, y + 55, 11, SvgText.Faint, string.Create(CultureInfo.InvariantCulture, $"λ {(node.Schedule is null ? "" : "mean ")}{node.Lambda:0.000}{average}"));
    }

    private static void DrawEdge(StringBuilder svg, LineageEdge edge, (int Column, int Lane) from, (int Column, int Lane) to)
    {
        var ((fromX, fromY), (toX, toY)) = (At(from), At(to));
        if (edge.Kind == LineageEdge.ParentKind)
        {
            var (startX, startY, endY) = (fromX + BoxWidth, fromY + BoxHeight / 2, toY + BoxHeight / 2);
            var middle = (startX + toX) / 2;
            Curve($"M{startX} {startY} C{middle} {startY} {middle} {endY} {toX - 2} {endY}", Line, "to", dashes: "");
            return;
        }

        // Beside the middle, so that the arrows of both kinds can be told apart; one that goes to its own lane passes over the boxes between.
        var adopted = edge.Kind == LineageEdge.AdoptedKind;
        var (colour, marker, label) = adopted ? (Line, "to", "adopted") : (Back, "back", edge.Kind == LineageEdge.RollbackKind ? "rolled back" : "live");
        var (x1, x2) = (fromX + BoxWidth / 2 + (adopted ? -30 : 30), toX + BoxWidth / 2 + (adopted ? -30 : 30));
        const string Dashes = " stroke-dasharray=\"5 4\"";
        if (to.Lane == from.Lane)
        {
            var over = fromY - 34;
            Curve($"M{x1} {fromY} C{x1} {over} {x2} {over} {x2} {toY - 2}", colour, marker, Dashes);
            svg.Write((x1 + x2) / 2, fromY - 30, 11, colour, label, anchor: "middle");
            return;
        }

        // Between lanes: along the gaps between them, and beside the target's column where it passes other lanes.
        var up = to.Lane < from.Lane;
        var (y1, y2) = up ? (fromY, toY + BoxHeight + 2) : (fromY + BoxHeight, toY - 2);
        var (gap1, gap2) = up ? (fromY - LaneHeight + BoxHeight + GapLine, toY + BoxHeight + GapLine) : (fromY + BoxHeight + GapLine, toY - LaneHeight + BoxHeight + GapLine);
        var aside = toX + (from.Column < to.Column ? -24 : BoxWidth + 18);
        Curve(gap1 == gap2 ? $"M{x1} {y1} V{gap1} H{x2} V{y2}" : $"M{x1} {y1} V{gap1} H{aside} V{gap2} H{x2} V{y2}", colour, marker, Dashes);
        svg.Write(x1 + 6, up ? y1 - 8 : y1 + 12, 11, colour, label);

        void Curve(string path, string colour, string marker, string dashes) =>
            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{dashes} marker-end=\"url(#{marker})\"/>\n");
    }

    private static (int X, int Y) At((int Column, int Lane) place) => (Left + place.Column * ColumnWidth, Top + place.Lane * LaneHeight);
}
