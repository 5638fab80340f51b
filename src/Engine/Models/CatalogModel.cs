namespace ContinualService.Engine.Models;

/// <summary>One base model on offer: a folder below the models' root.</summary>
public sealed class CatalogModel
{
    private readonly Lock _gate = new();
    private string _fingerprint = "";
    private ModelConfig? _config;
    private string? _digest;

    internal CatalogModel(string name, string folder)
    {
        Name = name;
        Folder = folder;
    }

    /// <summary>The folder's name, which is what clients call the model.</summary>
    public string Name { get; }

    public string Folder { get; }

    /// <summary>The parsed config.json; read again when the folder's files change.</summary>
    /// <exception cref="ModelFormatException">The folder holds a model that this product does not compute.</exception>
    public ModelConfig Config
    {
        get
        {
            lock (_gate)
            {
                Refresh();
                return _config ??= ModelConfig.Load(Folder);
            }
        }
    }

    /// <summary><see cref="ModelDigest.Of"/> of the folder; the first call after a change reads all weights.</summary>
    public string Digest
    {
        get
        {
            lock (_gate)
            {
                Refresh();
                return _digest ??= ModelDigest.Of(Folder);
            }
        }
    }

    // Names, lengths and times stand in for the bytes here, or every request would read gigabytes.
    private void Refresh()
    {
        var fingerprint = string.Join('|', ModelDigest.Files(Folder).Select(file => $"{file.Name} {file.Length} {file.LastWriteTimeUtc.Ticks}"));
        if (fingerprint == _fingerprint) return;
        (_fingerprint, _config, _digest) = (fingerprint, null, null);
    }
}
