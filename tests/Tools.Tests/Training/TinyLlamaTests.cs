using ContinualService.Engine.Models;
using ContinualService.Pretrain.Bpe;
using ContinualService.Pretrain.Training;
using ContinualService.TestKit;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Tools.Tests.Training;

/// <summary>The model that stands in models/tiny-llama.</summary>
public sealed class TinyLlamaTests
{
    private const long LargestFolderBytes = 8 * 1024 * 1024;
    private static readonly string Folder = Checkout.PathOf("models/tiny-llama");

    [Fact]
    public void Folder_StaysSmall() => Assert.InRange(new DirectoryInfo(Folder).GetFiles().Sum(file => file.Length), 1, LargestFolderBytes);

    [Fact]
    public void TextFiles_AreWhatTheRecipeWrites()
    {
        var vocabulary = PretrainLoop.LearnVocabulary(new PretrainOptions());
        Assert.Equal(File.ReadAllText(Path.Combine(Folder, "tokenizer.json")), TokenizerFiles.TokenizerJson(vocabulary));
        Assert.Equal(File.ReadAllText(Path.Combine(Folder, "config.json")), ModelFolder.ConfigJson(vocabulary.Size));
        Assert.Equal(File.ReadAllText(Path.Combine(Folder, "generation_config.json")), ModelFolder.GenerationJson());
    }

    [Fact]
    public void Weights_ByTheEngine_LoadAndAreFinite()
    {
        set_num_threads(1);
        using var scope = NewDisposeScope();
        var config = ModelConfig.Load(Folder);
        Assert.Equal([BpeVocabulary.TurnEnd, BpeVocabulary.Eos], config.EosTokenIds);
        using var decoder = Decoder.Load(Folder, config, CPU, float32);
        var logits = decoder.Logits(decoder.Hidden(tensor(new long[] { 1, 3, 4 }).reshape(1, 3))); // [1, T, V]
        Assert.True(logits.isfinite().all().item<bool>());
    }
}
