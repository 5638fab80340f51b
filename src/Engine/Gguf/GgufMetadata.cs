using System.Text;

namespace ContinualService.Engine.Gguf;

/// <summary>The key-value pairs of a GGUF file, in the order they were added.</summary>
public sealed class GgufMetadata
{
    // Numbers of the format's value types.
    private const uint UInt32 = 4;
    private const uint Int32 = 5;
    private const uint Float32 = 6;
    private const uint Text = 8;
    private const uint Array = 9;

    private readonly List<(string Key, uint Type, Action<BinaryWriter> Write)> _pairs = [];

    public int Count => _pairs.Count;

    public GgufMetadata Add(string key, string value) => Add(key, Text, writer => WriteText(writer, value));

    public GgufMetadata Add(string key, uint value) => Add(key, UInt32, writer => writer.Write(value));

    public GgufMetadata Add(string key, float value) => Add(key, Float32, writer => writer.Write(value));

    public GgufMetadata Add(string key, IReadOnlyList<string> values) => AddArray(key, Text, values, WriteText);

    public GgufMetadata Add(string key, IReadOnlyList<int> values) => AddArray(key, Int32, values, (writer, value) => writer.Write(value));

    internal void Write(BinaryWriter writer)
    {
        foreach (var (key, type, write) in _pairs)
        {
            WriteText(writer, key);
            writer.Write(type);
            write(writer);
        }
    }

    internal static void WriteText(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private GgufMetadata AddArray<T>(string key, uint type, IReadOnlyList<T> values, Action<BinaryWriter, T> write) => Add(key, Array, writer =>
    {
        writer.Write(type);
        writer.Write((ulong)values.Count);
        foreach (var value in values) write(writer, value);
    });

    private GgufMetadata Add(string key, uint type, Action<BinaryWriter> write)
    {
        _pairs.Add((key, type, write));
        return this;
    }
}
