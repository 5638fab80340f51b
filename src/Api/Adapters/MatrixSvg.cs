using System.Globalization;
using System.Net;
using System.Text;

namespace ContinualService.Api.Adapters;

/// <summary>The matrix as a heat map: a row per task, a column per version, the score in each cell.</summary>
internal static class MatrixSvg
{
    private const int Cell = 64;
    private const int RowHeight = 40;
    private const int Gap = 3;
    private const int Top = 84;
    private const int LongestLabel = 32;
    private const double LabelWidthPerLetter = 7.2;

    // Two ends of one hue: the eye reads light to dark as low to high, and it survives greyscale print.
    private static readonly (int R, int G, int B) Low = (236, 244, 247);
    private static readonly (int R, int G, int B) High = (8, 81, 108);

    public static string Draw(MatrixResponse matrix)
    {
        var labels = matrix.Tasks.Select(task => Shorten(task.Name)).ToList();
        var left = 24 + (int)Math.Ceiling(Math.Max(8, labels.Select(label => label.Length).DefaultIfEmpty(0).Max()) * LabelWidthPerLetter) + 12;
        var width = Math.Max(left + matrix.Versions.Count * Cell + 24, 420);
        var height = Top + Math.Max(1, matrix.Tasks.Count) * RowHeight + 64;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-label="Accuracy matrix" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif">
            <rect width="100%" height="100%" fill="#ffffff"/>
            <text x="24" y="32" font-size="16" font-weight="600" fill="#16262e">Score of each task after each version</text>

            """);
        for (var column = 0; column < matrix.Versions.Count; column++)
        {
            var label = matrix.Versions[column] == 0 ? "base" : $"v{matrix.Versions[column]}";
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{left + column * Cell + (Cell - Gap) / 2}\" y=\"{Top - 12}\" font-size=\"13\" text-anchor=\"middle\" fill=\"#4a5b64\">{label}</text>\n");
        }

        if (labels.Count == 0) svg.Append(CultureInfo.InvariantCulture, $"<text x=\"24\" y=\"{Top + 24}\" font-size=\"13\" fill=\"#4a5b64\">No task has been learned yet.</text>\n");
        for (var row = 0; row < labels.Count; row++) DrawRow(svg, matrix, row, labels[row], left);
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"24\" y=\"{height - 24}\" font-size=\"13\" fill=\"#16262e\">{Summary(matrix)}</text>\n</svg>\n");
        return svg.ToString();
    }

    private static void DrawRow(StringBuilder svg, MatrixResponse matrix, int row, string label, int left)
    {
        var y = Top + row * RowHeight;
        var scores = matrix.Cells.Where(cell => cell.Task == matrix.Tasks[row].Id).ToDictionary(cell => cell.Version);
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"24\" y=\"{y + RowHeight / 2 + 4}\" font-size=\"13\" fill=\"#16262e\">{WebUtility.HtmlEncode(label)}</text>\n");
        for (var column = 0; column < matrix.Versions.Count; column++)
        {
            var x = left + column * Cell;
            if (!scores.TryGetValue(matrix.Versions[column], out var cell))
            {
                svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x}\" y=\"{y}\" width=\"{Cell - Gap}\" height=\"{RowHeight - Gap}\" rx=\"4\" fill=\"none\" stroke=\"#d7dfe3\" stroke-dasharray=\"3 3\"/>\n");
                continue;
            }

            // A loss stands as its negative; exp maps it to (0, 1] as the per-token probability.
            var share = Math.Clamp(cell.Metric == "loss" ? Math.Exp(cell.Score) : cell.Score, 0, 1);
            var text = cell.Metric == "loss" ? cell.Score.ToString("0.00", CultureInfo.InvariantCulture) : (cell.Score * 100).ToString("0.0", CultureInfo.InvariantCulture);
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x}\" y=\"{y}\" width=\"{Cell - Gap}\" height=\"{RowHeight - Gap}\" rx=\"4\" fill=\"{Colour(share)}\"><title>{WebUtility.HtmlEncode(label)}: {cell.Metric} {cell.Score:0.0000} [{cell.Low:0.0000}, {cell.High:0.0000}], n = {cell.N}</title></rect>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x + (Cell - Gap) / 2}\" y=\"{y + RowHeight / 2 + 3}\" font-size=\"13\" text-anchor=\"middle\" fill=\"{(share > 0.5 ? "#ffffff" : "#16262e")}\" pointer-events=\"none\">{text}</text>\n");
        }
    }

    private static string Colour(double share)
    {
        var (r, g, b) = (Mix(Low.R, High.R), Mix(Low.G, High.G), Mix(Low.B, High.B));
        return FormattableString.Invariant($"#{r:x2}{g:x2}{b:x2}");

        int Mix(int low, int high) => (int)Math.Round(low + (high - low) * share);
    }

    private static string Summary(MatrixResponse matrix)
    {
        var summary = matrix.Summary;
        // In the cells' unit: percent, unless a loss is among them.
        var isShare = matrix.Cells.All(cell => cell.Metric != "loss");
        return $"Average {Show(summary.AverageAccuracy)} · Backward transfer {Show(summary.BackwardTransfer)} · Forgetting {Show(summary.Forgetting)}";

        string Show(double? value) => (isShare ? value * 100 : value)?.ToString(isShare ? "0.0" : "0.00", CultureInfo.InvariantCulture) ?? "n/a";
    }

    private static string Shorten(string name) => name.Length <= LongestLabel ? name : name[..(LongestLabel - 1)] + "…";
}
