using System.Text.Json;

namespace ContinualService.Domain.Previews;

/// <summary>One lambda, measured.</summary>
/// <param name="Lambda">0 to 1.</param>
/// <param name="Sha256">Of the served weights that were measured: an adopted version has just these.</param>
/// <param name="StateSha256">Of the training state beside them.</param>
/// <param name="Scores">Of every task that has held-out rows, in the order learned.</param>
public sealed record PreviewPoint(double Lambda, string Sha256, string StateSha256, IReadOnlyList<PreviewScore> Scores)
{
    public static IReadOnlyList<PreviewPoint> Read(string json) => JsonSerializer.Deserialize<List<PreviewPoint>>(json, JsonSerializerOptions.Web) ?? [];

    public static string Write(IEnumerable<PreviewPoint> points) => JsonSerializer.Serialize(points.OrderBy(point => point.Lambda), JsonSerializerOptions.Web);
}
