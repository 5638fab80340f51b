using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Api.OpenAi;

/// <summary>Writes the chunks of one streamed answer as server-sent events. What all of them have in common is rendered once and copied, so that a chunk costs little more than its own text.</summary>
internal sealed class ChunkWriter : IDisposable
{
    private readonly IBufferWriter<byte> _output;
    private readonly Utf8JsonWriter _json;
    private readonly byte[] _head;
    private readonly bool _includeUsage;

    /// <param name="output">Where they go; who reads it is the caller's business.</param>
    /// <param name="head">The fields around the choices.</param>
    /// <param name="includeUsage">Whether every chunk has the field usage.</param>
    public ChunkWriter(IBufferWriter<byte> output, JsonObject head, bool includeUsage)
    {
        (_output, _json, _includeUsage) = (output, new Utf8JsonWriter(output), includeUsage);
        _head = Encoding.UTF8.GetBytes($"data: {head.ToJsonString()[..^1]},\"choices\":[");
    }

    /// <summary>Writes a chunk.</summary>
    /// <param name="choice">Null: it has none.</param>
    /// <param name="usage">The counts, in the last one.</param>
    public void Write(JsonObject? choice, JsonObject? usage = null)
    {
        _output.Write(_head);
        if (choice is not null) Write(choice);
        _output.Write("]"u8);
        if (_includeUsage)
        {
            _output.Write(",\"usage\":"u8);
            if (usage is null) _output.Write("null"u8);
            else Write(usage);
        }

        _output.Write("}\n\n"u8);
    }

    /// <summary>Tells that the answer broke off; nothing may follow.</summary>
    public void WriteError(JsonObject envelope)
    {
        _output.Write("data: "u8);
        Write(envelope);
        _output.Write("\n\n"u8);
    }

    /// <summary>Tells that the answer is whole.</summary>
    public void WriteDone() => _output.Write("data: [DONE]\n\n"u8);

    public void Dispose() => _json.Dispose();

    private void Write(JsonObject node)
    {
        _json.Reset();
        node.WriteTo(_json);
        _json.Flush();
    }
}
