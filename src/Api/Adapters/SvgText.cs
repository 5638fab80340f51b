using System.Globalization;
using System.Net;
using System.Text;

namespace ContinualService.Api.Adapters;

/// <summary>Text in drawings.</summary>
internal static class SvgText
{
    public const string Ink = "#16262e";
    public const string Faint = "#4a5b64";

    /// <summary>Opens a drawing on white; the caller closes it.</summary>
    public static StringBuilder Open(int width, int height, string label, string description) => new(string.Create(CultureInfo.InvariantCulture, $"""
        <svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-label="{label}" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif">
        <desc>{WebUtility.HtmlEncode(description)}</desc>
        <rect width="100%" height="100%" fill="#ffffff"/>

        """));

    /// <summary>A line of text; what is given stands there as it is, whatever it holds.</summary>
    public static StringBuilder Write(this StringBuilder svg, int x, int y, int size, string colour, string text, string anchor = "start", int weight = 400) =>
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" font-weight=\"{weight}\" fill=\"{colour}\" pointer-events=\"none\">{WebUtility.HtmlEncode(text)}</text>\n");

    public static string Shorten(string name, int longest) => name.Length <= longest ? name : name[..(longest - 1)] + "…";
}
