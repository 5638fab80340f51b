using System.Text;
using ContinualService.Engine.Gguf;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Tests.Models;
using TorchSharp;
using Xunit;

namespace ContinualService.Engine.Tests.Gguf;

public sealed class GgufWriterTests
{
    [Fact]
    public void Write_MetadataAndTensors_HasTheLayoutOfVersion3()
    {
        using var scope = torch.NewDisposeScope();
        using var stream = new MemoryStream();

        GgufWriter.Write(stream, new GgufMetadata().Add("a", "b").Add("n", 7u), [("x", torch.tensor(new float[] { 1, 2, 3, 4, 5, 6 }, [3, 2])), ("y", torch.tensor(new float[] { 9 }))]);

        stream.Position = 0;
        using var reader = new BinaryReader(stream, Encoding.UTF8);
        Assert.Equal("GGUF", Encoding.ASCII.GetString(reader.ReadBytes(4)));
        Assert.Equal((3u, 2ul, 2ul), (reader.ReadUInt32(), reader.ReadUInt64(), reader.ReadUInt64()));
        Assert.Equal(("a", 8u, "b"), (Text(), reader.ReadUInt32(), Text()));
        Assert.Equal(("n", 4u, 7u), (Text(), reader.ReadUInt32(), reader.ReadUInt32()));
        Assert.Equal(("x", 2u, 2ul, 3ul), (Text(), reader.ReadUInt32(), reader.ReadUInt64(), reader.ReadUInt64()));
        Assert.Equal((0u, 0ul), (reader.ReadUInt32(), reader.ReadUInt64()));
        Assert.Equal(("y", 1u, 1ul), (Text(), reader.ReadUInt32(), reader.ReadUInt64()));
        Assert.Equal((0u, 32ul), (reader.ReadUInt32(), reader.ReadUInt64()));
        var data = (stream.Position + 31) / 32 * 32;
        Assert.Equal(data + 64, stream.Length);
        stream.Position = data;
        Assert.Equal([1f, 2, 3, 4, 5, 6, 0, 0, 9, 0], Enumerable.Range(0, 10).Select(_ => reader.ReadSingle()));

        string Text() => Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadUInt64()));
    }

    [Fact]
    public void Lora_Twice_IsTheSameBytes()
    {
        using var decoder = TinyModels.Create();
        var config = new LoraConfig(4, 8, ["q_proj", "down_proj"]);
        using var lora = TinyModels.CreateLora(decoder, config);

        var first = Bytes(decoder.Config, config, lora);

        Assert.Equal(first, Bytes(decoder.Config, config, lora));
        var text = Encoding.Latin1.GetString(first);
        foreach (var expected in new[] { "general.type", "adapter.lora.alpha", "blk.0.attn_q.weight.lora_a", "blk.1.ffn_down.weight.lora_b" })
            Assert.Contains(expected, text, StringComparison.Ordinal);
    }

    private static byte[] Bytes(ModelConfig model, LoraConfig config, LoraWeights lora)
    {
        using var stream = new MemoryStream();
        GgufLora.Write(stream, model, config, lora, "test");
        return stream.ToArray();
    }
}
