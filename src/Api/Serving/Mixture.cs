using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ContinualService.Api.Serving;

/// <summary>Versions of an adapter with the weights that a caller gives them, as they stand in a model's name: <c>1*0.3+3*0.7</c>.</summary>
/// <param name="Parts">Ascending by number, each version once.</param>
internal sealed record Mixture(IReadOnlyList<(int Version, double Weight)> Parts)
{
    /// <summary>Comes after the adapter's name.</summary>
    public const string Mark = "@mix:";

    public const int MostVersions = 16;
    public const double LargestWeight = 10;

    /// <summary>One text for one mixture, whatever order and digits were sent.</summary>
    public string Text => string.Join('+', Parts.Select(part => string.Create(CultureInfo.InvariantCulture, $"{part.Version}*{part.Weight:R}")));

    /// <summary>Null: the text names none, and <paramref name="fault"/> says why.</summary>
    public static Mixture? Parse(string text, out string fault)
    {
        List<(int Version, double Weight)> parts = [];
        var pieces = text.Split('+');
        fault = pieces.Length > MostVersions ? $"it mixes {pieces.Length} versions, and {MostVersions} is the most." : "";
        foreach (var piece in pieces)
        {
            if (fault.Length > 0) return null;
            var star = piece.IndexOf('*');
            if (star < 0 || !int.TryParse(piece.AsSpan(0, star), NumberStyles.None, CultureInfo.InvariantCulture, out var version))
                fault = $"'{piece}' is no version with its weight; after '{Mark}' come some, as in 1*0.3+3*0.7.";
            else if (!double.TryParse(piece.AsSpan(star + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var weight) || !(Math.Abs(weight) <= LargestWeight))
                fault = $"the weight of version {version} must be a number from -{LargestWeight} to {LargestWeight}.";
            else if (parts.Exists(part => part.Version == version))
                fault = $"version {version} is there twice. Add its weights.";
            else
                parts.Add((version, weight + 0.0)); // a negative zero is a zero
        }

        return fault.Length > 0 ? null : new Mixture([.. parts.OrderBy(part => part.Version)]);
    }

    /// <summary>What makes its weights what they are, in a digest's form: the digests of the versions and their weights.</summary>
    /// <param name="digests">In the order of <see cref="Parts"/>.</param>
    public string DigestOf(IEnumerable<string> digests) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('+', digests.Zip(Parts, (digest, part) => string.Create(CultureInfo.InvariantCulture, $"{digest}*{part.Weight:R}"))))));
}
