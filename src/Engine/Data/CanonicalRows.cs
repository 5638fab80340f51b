using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ContinualService.Engine.Data;

/// <summary>
/// The stored form of a data set: one canonical JSON line per row, so that the same rows give the same bytes and the same sha256 whatever
/// format, spacing or field order they arrived in. A line is {"messages": [...], "references"?: [...]} or {"text"}; an assistant message
/// that is not trained carries "weight": 0.
/// </summary>
public static class CanonicalRows
{
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>UTF-8 lines, each ending in a line feed.</summary>
    public static byte[] Serialize(IEnumerable<TaskExample> examples)
    {
        using var buffer = new MemoryStream();
        foreach (var example in examples)
        {
            buffer.Write(Encoding.UTF8.GetBytes(example.CanonicalLine));
            buffer.WriteByte((byte)'\n');
        }

        return buffer.ToArray();
    }

    /// <summary>Lower-case hex sha256 of the bytes of <see cref="Serialize"/>: the data set's digest.</summary>
    public static string Sha256(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Reads what <see cref="Serialize"/> wrote; throws <see cref="InvalidDataException"/> on anything else, naming the line.</summary>
    public static IReadOnlyList<TaskExample> Deserialize(ReadOnlySpan<byte> bytes)
    {
        var examples = new List<TaskExample>();
        var line = 0;
        while (!bytes.IsEmpty)
        {
            line++;
            var end = bytes.IndexOf((byte)'\n');
            if (end < 0) throw new InvalidDataException($"Stored data set, line {line}: cut off; store it again.");
            try
            {
                examples.Add(Read(bytes[..end]));
            }
            catch (Exception broken) when (broken is JsonException or InvalidOperationException or KeyNotFoundException or ArgumentException)
            {
                // A stored object that does not read back is damaged: the caller cannot do anything about the single row.
                throw new InvalidDataException($"Stored data set, line {line}: not a canonical row ({broken.Message}); store it again.", broken);
            }

            bytes = bytes[(end + 1)..];
        }

        return examples;
    }

    internal static string Write(JsonArray? messages, IReadOnlyList<bool> trainOnMessage, string? text, IReadOnlyList<string> references)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions))
        {
            writer.WriteStartObject();
            if (messages is null)
            {
                writer.WriteString("text", text);
            }
            else
            {
                WriteMessages(writer, messages, trainOnMessage);
                if (references.Count > 0) WriteReferences(writer, references);
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void WriteMessages(Utf8JsonWriter writer, JsonArray messages, IReadOnlyList<bool> trainOnMessage)
    {
        writer.WriteStartArray("messages");
        for (var index = 0; index < messages.Count; index++)
        {
            var message = messages[index]!.AsObject();
            writer.WriteStartObject();
            // A fixed order for the fields every message has, then the others by name: field order carries no meaning.
            foreach (var name in message.Select(pair => pair.Key).OrderBy(FieldRank).ThenBy(name => name, StringComparer.Ordinal))
            {
                writer.WritePropertyName(name);
                if (message[name] is { } value) value.WriteTo(writer);
                else writer.WriteNullValue();
            }

            if (!trainOnMessage[index] && (string?)message["role"] == "assistant") writer.WriteNumber("weight", 0);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static int FieldRank(string name) => name switch { "role" => 0, "content" => 1, _ => 2 };

    private static void WriteReferences(Utf8JsonWriter writer, IReadOnlyList<string> references)
    {
        writer.WriteStartArray("references");
        foreach (var reference in references) writer.WriteStringValue(reference);
        writer.WriteEndArray();
    }

    private static TaskExample Read(ReadOnlySpan<byte> line)
    {
        var row = JsonNode.Parse(line)?.AsObject() ?? throw new JsonException("null is not a row");
        if (row["text"] is { } text) return TaskExample.FromText(text.GetValue<string>());
        var messages = row["messages"]?.AsArray() ?? throw new JsonException("neither text nor messages");
        var trained = new bool[messages.Count];
        for (var index = 0; index < messages.Count; index++)
        {
            var message = messages[index]!.AsObject();
            trained[index] = !message.Remove("weight") && (string?)message["role"] == "assistant";
        }

        var references = row["references"]?.AsArray().Select(reference => reference!.GetValue<string>()).ToList();
        return TaskExample.FromMessages(messages, trained, references);
    }
}
