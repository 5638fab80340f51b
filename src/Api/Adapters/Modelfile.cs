using System.Text.RegularExpressions;
using ContinualService.Domain.Adapters;

namespace ContinualService.Api.Adapters;

/// <summary>What <c>ollama create</c> reads. Template and parameters are left to the base: Ollama's templates are of another language than the checkpoint's.</summary>
internal static partial class Modelfile
{
    public const string Name = "Modelfile";

    /// <summary>Beside the merged base.</summary>
    public static string OfMerged(Adapter adapter, AdapterVersion version) => $"""
        # {adapter.Name}, version {version.Number}, merged into {Line(adapter.Model)}
        # sha256 of the adapter's weights: {version.Sha256}
        FROM .

        """;

    /// <summary>Beside the LoRA in GGUF.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="version">The version.</param>
    /// <param name="from">What Ollama calls the base; see <see cref="IsModelName"/>.</param>
    /// <param name="file">The LoRA's file name.</param>
    public static string OfLora(Adapter adapter, AdapterVersion version, string from, string file) => $"""
        # {adapter.Name}, version {version.Number}
        # sha256 of the adapter's weights: {version.Sha256}
        # FROM must name the weights that the adapter was trained on: {Line(adapter.Model)}, digest {adapter.BaseDigest}
        FROM {Line(from)}
        ADAPTER ./{file}

        """;

    /// <summary>Whether a text can stand after FROM: a name such as llama3.2:1b or hf.co/org/model:F16, or a path without spaces.</summary>
    public static bool IsModelName(string text) => ModelName().IsMatch(text);

    // A folder's name may hold anything; a second line would be an instruction of its own.
    private static string Line(string text) => string.Concat(text.Select(character => char.IsControl(character) ? ' ' : character));

    [GeneratedRegex(@"\A[A-Za-z0-9._/:@~-]{1,256}\z")]
    private static partial Regex ModelName();
}
