using ContinualService.Engine.Text;
using static TorchSharp.torch;

namespace ContinualService.Engine.Models;

/// <summary>A base model ready to run: weights, tokenizer and template of one folder. Safe to use from many threads at once.</summary>
public sealed class BaseModel : IDisposable
{
    private readonly Lazy<string> _digest;

    private BaseModel(TextAssets text, Decoder decoder, string? digest)
    {
        Text = text;
        Decoder = decoder;
        Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(text.Folder));
        _digest = digest is null ? new Lazy<string>(() => ModelDigest.Of(text.Folder)) : new Lazy<string>(digest);
    }

    /// <summary>The folder's name.</summary>
    public string Name { get; }

    public string Folder => Text.Folder;

    public TextAssets Text { get; }

    public ModelConfig Config => Text.Config;

    public Decoder Decoder { get; }

    public Tokenizer Tokenizer => Text.Tokenizer;

    public ChatFormat Chat => Text.Chat;

    /// <summary><see cref="ModelDigest.Of"/> of the folder. Where it was not given at loading, the first use reads every byte of the weights.</summary>
    public string Digest => _digest.Value;

    /// <param name="folder">A folder in the Hugging Face layout.</param>
    /// <param name="device">Where the weights go.</param>
    /// <param name="dtype">What they are computed in; float32 on a CPU.</param>
    /// <param name="digest">The folder's digest where the caller knows it already.</param>
    /// <param name="forGeneration">Whether a CPU's weights are copied to where they are read fastest, instead of used where the file is mapped.</param>
    /// <param name="holding">How the blocks' matrices are kept; null: whole, on the device.</param>
    /// <exception cref="ModelFormatException">A file is absent, malformed, or describes something that is not computed.</exception>
    public static BaseModel Load(string folder, Device device, ScalarType dtype, string? digest = null, bool forGeneration = false, BaseHolding? holding = null)
    {
        var text = TextAssets.Load(Path.GetFullPath(folder));
        var decoder = Decoder.Load(text.Folder, text.Config, device, dtype, holding);
        return new BaseModel(text, forGeneration ? decoder.IntoLargePages() : decoder, digest);
    }

    public void Dispose() => Decoder.Dispose();
}
