using System.Globalization;
using System.Net;
using System.Text;

namespace ContinualService.Api.Adapters;

/// <summary>The matrix as a heat map: a row per task, a column per version, in each cell the score and below it its interval.</summary>
internal static class MatrixSvg
{
    private const int Cell = 72;
    private const int RowHeight = 46;
    private const int Gap = 4;
    private const int Top = 84;
    private const int LongestLabel = 32;
    private const double LabelWidthPerLetter = 7.6;

    // Above it white is easier to read on the cell's colour than ink.
    private const double DarkShare = 0.65;

    // Two ends of one hue: the eye reads light to dark as low to high, and it survives greyscale print.
    private static readonly (int R, int G, int B) Low = (236, 244, 247);
    private static readonly (int R, int G, int B) High = (8, 81, 108);

    public static string Draw(MatrixResponse matrix)
    {
        var labels = matrix.Tasks.Select(task => SvgText.Shorten(task.Name, LongestLabel)).ToList();
        var notes = matrix.Tasks.Select(task => Note(matrix, task)).ToList();
        var left = 24 + (int)Math.Ceiling(labels.Concat(notes).Select(label => label.Length).DefaultIfEmpty(0).Max() * LabelWidthPerLetter) + 16;
        var width = Math.Max(left + matrix.Versions.Count * Cell + 24, 560);
        var height = Top + Math.Max(1, matrix.Tasks.Count) * RowHeight + 84;
        var svg = SvgText.Open(width, height, "Accuracy matrix", string.Join("; ", matrix.Formulas.Values));
        svg.Write(24, 32, 16, SvgText.Ink, "Score of each task after each version", weight: 600);
        for (var column = 0; column < matrix.Versions.Count; column++)
            svg.Write(left + column * Cell + (Cell - Gap) / 2, Top - 12, 13, SvgText.Faint, matrix.Versions[column] == 0 ? "base" : $"v{matrix.Versions[column]}", anchor: "middle");

        if (labels.Count == 0) svg.Write(24, Top + 24, 13, SvgText.Faint, "No task has been learned yet.");
        for (var row = 0; row < labels.Count; row++) DrawRow(svg, matrix, row, labels[row], notes[row], left);
        svg.Write(24, height - 48, 13, SvgText.Ink, Summary(matrix));
        svg.Write(24, height - 24, 11, SvgText.Faint, "Framed: right after its task was learned. Dashed: before that. Below a score: its 95 % interval.");
        return svg.Append("</svg>\n").ToString();
    }

    private static void DrawRow(StringBuilder svg, MatrixResponse matrix, int row, string label, string note, int left)
    {
        var y = Top + row * RowHeight;
        var scores = matrix.Cells.Where(cell => cell.Task == matrix.Tasks[row].Id).ToDictionary(cell => cell.Version);
        svg.Write(24, y + 19, 13, SvgText.Ink, label);
        svg.Write(24, y + 34, 11, SvgText.Faint, note);
        for (var column = 0; column < matrix.Versions.Count; column++)
        {
            var x = left + column * Cell;
            if (!scores.TryGetValue(matrix.Versions[column], out var cell)) continue;

            // A loss stands as its negative; exp maps it to (0, 1] as the per-token probability.
            var isLoss = cell.Metric == "loss";
            var share = Math.Clamp(isLoss ? Math.Exp(cell.Score) : cell.Score, 0, 1);
            var frame = cell.Kind switch { MatrixScore.Learned => $" stroke=\"{SvgText.Ink}\" stroke-width=\"2\"", MatrixScore.Before => $" stroke=\"{SvgText.Faint}\" stroke-dasharray=\"3 3\"", _ => "" };
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x}\" y=\"{y}\" width=\"{Cell - Gap}\" height=\"{RowHeight - Gap}\" rx=\"4\" fill=\"{Colour(share)}\"{frame}><title>{WebUtility.HtmlEncode(label)}: {cell.Metric} {cell.Score:0.0000} [{cell.Low:0.0000}, {cell.High:0.0000}], n = {cell.N}</title></rect>\n");
            var ink = share > DarkShare ? "#ffffff" : SvgText.Ink;
            svg.Write(x + (Cell - Gap) / 2, y + 19, 13, ink, Show(cell.Score, "0.0"), anchor: "middle");
            svg.Write(x + (Cell - Gap) / 2, y + 34, 10, ink, $"{Show(cell.Low, "0")} to {Show(cell.High, "0")}", anchor: "middle");

            string Show(double value, string percent) => isLoss ? value.ToString("0.00", CultureInfo.InvariantCulture) : (value * 100).ToString(percent, CultureInfo.InvariantCulture);
        }
    }

    private static string Colour(double share)
    {
        var (r, g, b) = (Mix(Low.R, High.R), Mix(Low.G, High.G), Mix(Low.B, High.B));
        return FormattableString.Invariant($"#{r:x2}{g:x2}{b:x2}");

        int Mix(int low, int high) => (int)Math.Round(low + (high - low) * share);
    }

    private static string Note(MatrixResponse matrix, MatrixTask task)
    {
        var cells = matrix.Cells.Where(cell => cell.Task == task.Id).ToList();
        if (cells.Count == 0) return "no held-out rows";
        var (least, most) = (cells.Min(cell => cell.N), cells.Max(cell => cell.N));
        return string.Create(CultureInfo.InvariantCulture, $"{cells[0].Metric}, n = {least}{(least == most ? "" : $" to {most}")}");
    }

    private static string Summary(MatrixResponse matrix)
    {
        var summary = matrix.Summary;
        // In the cells' unit: percent, unless a loss is among them.
        var isShare = matrix.Cells.All(cell => cell.Metric != "loss");
        return $"Average {Show(summary.AverageAccuracy)} · Backward transfer {Show(summary.BackwardTransfer)} · Forgetting {Show(summary.Forgetting)} · Forward transfer {Show(summary.ForwardTransfer)}";

        string Show(double? value) => (isShare ? value * 100 : value)?.ToString(isShare ? "0.0" : "0.00", CultureInfo.InvariantCulture) ?? "n/a";
    }
}
