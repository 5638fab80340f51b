using ContinualService.Engine.Text;

namespace ContinualService.Engine.Models;

/// <summary>What is needed to validate and encode text for a model, without its weights.</summary>
public sealed class TextAssets
{
    private TextAssets(string folder, ModelConfig config, Tokenizer tokenizer, ChatFormat chat)
    {
        Folder = folder;
        Config = config;
        Tokenizer = tokenizer;
        Chat = chat;
    }

    public string Folder { get; }

    public ModelConfig Config { get; }

    public Tokenizer Tokenizer { get; }

    public ChatFormat Chat { get; }

    /// <exception cref="ModelFormatException">A file is absent or malformed, or the tokenizer has more ids than the model has embeddings.</exception>
    public static TextAssets Load(string folder)
    {
        var config = ModelConfig.Load(folder);
        var tokenizer = Tokenizer.Load(folder);
        // The other way round is normal: vocabularies are padded to round sizes.
        if (tokenizer.VocabularySize > config.VocabularySize)
            throw new ModelFormatException($"{folder}: tokenizer.json has {tokenizer.VocabularySize} ids, but config.json has a vocab_size of {config.VocabularySize}; they belong to different models.");
        return new TextAssets(folder, config, tokenizer, ChatFormat.Load(folder, tokenizer));
    }
}
