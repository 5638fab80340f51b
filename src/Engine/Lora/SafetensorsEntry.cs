using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>One tensor of a safetensors header. <paramref name="Begin"/> and <paramref name="SizeBytes"/> are relative to the data section.</summary>
internal sealed record SafetensorsEntry(string Name, ScalarType DType, int ItemBytes, long[] Shape, long Begin, long SizeBytes);
