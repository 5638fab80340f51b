using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using ContinualService.Api.OpenAi;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

public sealed class ChunkWriterTests
{
    private static readonly JsonObject s_head = new()
    {
        ["id"] = "chatcmpl-1",
        ["object"] = "chat.completion.chunk",
        ["created"] = 1,
        ["model"] = "a \"quoted\" name",
        ["system_fingerprint"] = "fp_1_2",
    };

    [Fact]
    public void Write_Chunks_AreEventsWithTheHeadAndTheirOwnParts()
    {
        var output = new ArrayBufferWriter<byte>();
        using var chunks = new ChunkWriter(output, s_head, includeUsage: true);

        chunks.Write(new JsonObject { ["index"] = 0, ["delta"] = new JsonObject { ["content"] = "é\n" } });
        chunks.Write(null, new JsonObject { ["total_tokens"] = 3 });
        chunks.WriteDone();

        var events = Encoding.UTF8.GetString(output.WrittenSpan).Split("\n\n");
        Assert.Equal(["data: [DONE]", ""], events[2..]);
        var expected = (JsonObject)s_head.DeepClone();
        expected["choices"] = new JsonArray(new JsonObject { ["index"] = 0, ["delta"] = new JsonObject { ["content"] = "é\n" } });
        expected["usage"] = null;
        Assert.Equal("data: " + expected.ToJsonString(), events[0]);
        expected["choices"] = new JsonArray();
        expected["usage"] = new JsonObject { ["total_tokens"] = 3 };
        Assert.Equal("data: " + expected.ToJsonString(), events[1]);
    }

    [Fact]
    public void Write_WithoutUsage_HasNoSuchField()
    {
        var output = new ArrayBufferWriter<byte>();
        using var chunks = new ChunkWriter(output, s_head, includeUsage: false);

        chunks.Write(null);

        Assert.DoesNotContain("usage", Encoding.UTF8.GetString(output.WrittenSpan), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_ChunkOfAToken_AllocatesItsOwnPartsAlone()
    {
        const int Chunks = 1000;
        var output = new ArrayBufferWriter<byte>(1 << 12);
        using var chunks = new ChunkWriter(output, s_head, includeUsage: true);
        var shape = new ChatShape(null!);
        Send();
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var index = 0; index < Chunks; index++) Send();

        // The nodes of one small choice. Head and text of the event take nothing.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / Chunks, 0, 1000);

        void Send()
        {
            output.ResetWrittenCount();
            chunks.Write(shape.Delta(0, " token", null));
        }
    }
}
