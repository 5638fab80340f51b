using System.Collections.Concurrent;
using ContinualService.Engine.Models;

namespace ContinualService.Api.Models;

/// <summary>Tokenizer and template of each base model, read once: validation needs them without the weights.</summary>
internal sealed class ModelTexts
{
    private readonly ConcurrentDictionary<string, Lazy<TextAssets>> _byDigest = new();

    /// <exception cref="ModelFormatException">The folder's tokenizer or template cannot be read.</exception>
    public TextAssets Of(CatalogModel model) => _byDigest.GetOrAdd(model.Digest, _ => new Lazy<TextAssets>(() => TextAssets.Load(model.Folder))).Value;
}
