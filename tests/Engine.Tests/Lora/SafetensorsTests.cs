using System.Buffers.Binary;
using System.Text;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Lora;

public sealed class SafetensorsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("safetensors").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Write_ThenRead_GivesTheSameTensors()
    {
        using var scope = NewDisposeScope();
        var random = new Random(1);
        using var generator = new Generator(1UL, CPU);
        ScalarType[] types =
        [
            ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float64, ScalarType.Int64,
            ScalarType.Int32, ScalarType.Int16, ScalarType.Int8, ScalarType.Byte, ScalarType.Bool,
        ];
        for (var round = 0; round < 20; round++)
        {
            var tensors = Enumerable.Range(0, random.Next(1, 8)).ToDictionary(i => $"t{i}\"\\é", _ =>
            {
                var shape = Enumerable.Range(0, random.Next(0, 4)).Select(_ => (long)random.Next(0, 5)).ToArray();
                return randn(shape, float32, generator: generator).abs().mul(3).to(types[random.Next(types.Length)]);
            });
            var path = Path.Combine(_folder, "a.safetensors");

            SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["round"] = $"{round}" });
            using var file = SafetensorsFile.Open(path);

            Assert.Equal(tensors.Keys.Order(StringComparer.Ordinal), file.Names);
            Assert.Equal($"{round}", file.Metadata["round"]);
            Assert.Equal("pt", file.Metadata["format"]);
            foreach (var (name, tensor) in tensors)
            {
                foreach (var found in new[] { file.Read(name), file.Map(name) })
                {
                    Assert.Equal(tensor.shape, found.shape);
                    Assert.Equal(tensor.dtype, found.dtype);
                    Assert.Equal(tensor.contiguous().bytes.ToArray(), found.contiguous().bytes.ToArray());
                }
            }
        }
    }

    [Fact]
    public void Write_TheSameTensors_GivesTheSameAlignedBytes()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (ones(3), ones(5, ScalarType.Float16));
        using var first = new MemoryStream();
        using var second = new MemoryStream();

        SafetensorsWriter.Write(first, new Dictionary<string, Tensor> { ["a"] = b, ["z"] = a });
        SafetensorsWriter.Write(second, new Dictionary<string, Tensor> { ["z"] = a, ["a"] = b });

        Assert.Equal(first.ToArray(), second.ToArray());
        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(first.ToArray()) % 8);
        // Wider items first, so that every tensor is aligned: z's 12 bytes, then a's 10.
        Assert.Equal(1f, BitConverter.ToSingle(first.ToArray(), (int)first.Length - 22));
    }

    [Fact]
    public void Map_UnalignedData_IsCopied()
    {
        using var scope = NewDisposeScope();
        var data = new byte[8];
        BinaryPrimitives.WriteSingleLittleEndian(data, 1.5f);
        BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(4), -2f);
        var header = """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";
        var path = WriteFile(header.PadRight(header.Length / 4 * 4 + 5), data);
        Assert.NotEqual(0, (new FileInfo(path).Length - 8) % 4);

        using var file = SafetensorsFile.Open(path);

        Assert.Equal([1.5f, -2f], file.Map("a").data<float>().ToArray());
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "fill")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "data section of 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 8, "cover 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "gap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "valid JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}""", 8, "lies at")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", 4, "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "fill")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807,9223372036854775807],"data_offsets":[0,4]}}""", 4, "fill")]
    [InlineData("""{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}""", 4, "F8_E4M3")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}""", 4, "consist")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "consist")]
    [InlineData("""{"a":[]}""", 4, "consist")]
    [InlineData("""{"__metadata__":{"x":1}}""", 0, "__metadata__")]
    [InlineData(""" {}""", 0, "start with")]
    [InlineData("""[]""", 0, "start with")]
    [InlineData("""{""", 0, "valid JSON")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "valid JSON")]
    [InlineData("", 0, "start with")]
    public void Open_BrokenHeader_IsRefusedWithTheReason(string header, int dataBytes, string named)
    {
        var path = WriteFile(header, new byte[dataBytes]);

        var error = Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(path));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 40)]
    [InlineData(100_000_001UL)]
    [InlineData(11UL)]
    public void Open_HeaderLongerThanTheFile_IsRefused(ulong length)
    {
        var bytes = new byte[18];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        var path = Path.Combine(_folder, "long.safetensors");
        File.WriteAllBytes(path, bytes);

        Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(path));
    }

    [Fact]
    public void Open_AnyChangedByteOfTheHeader_IsReadOrRefusedButNothingElse()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, "b.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["a"] = ones(3), ["b"] = ones(2, 2) });
        var good = File.ReadAllBytes(path);
        var random = new Random(2);
        var refused = 0;
        for (var i = 0; i < 400; i++)
        {
            var bad = good.ToArray();
            bad[random.Next(bad.Length - 28)] = (byte)random.Next(256);
            File.WriteAllBytes(path, i % 5 == 0 ? bad[..random.Next(bad.Length)] : bad);
            try
            {
                using var file = SafetensorsFile.Open(path);
                foreach (var name in file.Names) _ = file.Read(name);
            }
            catch (ModelFormatException)
            {
                // the only exception an untrusted file may cause
                refused++;
            }
        }

        Assert.InRange(refused, 100, 400);
    }

    private string WriteFile(string header, byte[] data)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)text.Length);
        var path = Path.Combine(_folder, "x.safetensors");
        File.WriteAllBytes(path, [.. length, .. text, .. data]);
        return path;
    }
}
