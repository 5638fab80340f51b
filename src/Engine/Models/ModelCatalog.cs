using System.Collections.Concurrent;

namespace ContinualService.Engine.Models;

/// <summary>The base models on offer: every folder directly below a root that holds a config.json. A folder put there later is found too.</summary>
/// <param name="root">The folder of model folders; it need not exist.</param>
/// <param name="defaultModel">The model of an adapter that names none; null: the only one there is, where there is only one.</param>
public sealed class ModelCatalog(string root, string? defaultModel = null)
{
    private readonly ConcurrentDictionary<string, CatalogModel> _models = new();

    public string Root { get; } = Path.GetFullPath(root);

    /// <summary>All models, by name.</summary>
    public IReadOnlyList<CatalogModel> Models =>
        Directory.Exists(Root)
            ? [.. Directory.EnumerateDirectories(Root).Where(IsModel).Select(Path.GetFileName).Order(StringComparer.Ordinal).Select(name => Of(name!))]
            : [];

    /// <summary>The model a client gets without asking for one; null where none is configured or the choice is not clear.</summary>
    public CatalogModel? Default =>
        defaultModel is not null && Find(defaultModel) is { } configured ? configured : Models is [var only] ? only : null;

    /// <summary>The model of this name, or null. A name is one folder's name: separators and dots alone never lead out of the root.</summary>
    public CatalogModel? Find(string name)
    {
        if (name.Length == 0 || name is "." or ".." || name.AsSpan().IndexOfAny('/', '\\', '\0') >= 0) return null;
        return IsModel(Path.Combine(Root, name)) ? Of(name) : null;
    }

    private static bool IsModel(string folder) => File.Exists(Path.Combine(folder, "config.json"));

    private CatalogModel Of(string name) => _models.GetOrAdd(name, key => new CatalogModel(key, Path.Combine(Root, key)));
}
