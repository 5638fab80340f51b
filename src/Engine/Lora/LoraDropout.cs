using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>Dropout on the input of every LoRA during training; its masks come from <paramref name="Generator"/> alone, so a seed repeats a run.</summary>
/// <param name="Probability">0 to below 1; 0 drops nothing.</param>
/// <param name="Generator">The job's own random stream for dropout. Null: the device's, which the caller seeds; TorchSharp makes generators of the CPU alone.</param>
public sealed record LoraDropout(double Probability, Generator? Generator);
