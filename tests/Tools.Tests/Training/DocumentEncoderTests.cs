using System.Text.Json.Nodes;
using ContinualService.Engine.Text;
using ContinualService.Pretrain.Bpe;
using ContinualService.Pretrain.Corpus;
using ContinualService.Pretrain.Training;
using Xunit;

namespace ContinualService.Tools.Tests.Training;

public sealed class DocumentEncoderTests
{
    [Fact]
    public void Append_Chat_EqualsTheModelsChatTemplateAndItsLossMask()
    {
        var vocabulary = BpeTrainer.Train(["Which city is it? It is Oslo, Anna said. user assistant"], 300);
        var folder = Directory.CreateTempSubdirectory("tiny-llama-");
        try
        {
            TokenizerFiles.Write(vocabulary, folder.FullName, 512);
            var chat = ChatFormat.Load(folder.FullName, Tokenizer.Load(folder.FullName));
            List<int> ids = [];
            List<bool> answers = [];
            new DocumentEncoder(vocabulary).Append(Document.Chat("Which city is it?", "Oslo"), ids, answers);

            var encoded = chat.EncodeConversation(new JsonArray(
                new JsonObject { ["role"] = "user", ["content"] = "Which city is it?" }, new JsonObject { ["role"] = "assistant", ["content"] = "Oslo" }));
            Assert.Equal([.. encoded.Ids, BpeVocabulary.Eos], ids);
            Assert.Equal([.. encoded.LossMask, false], answers);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
