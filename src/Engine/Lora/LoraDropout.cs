using static TorchSharp.torch;

namespace ContinualService.Engine.Lora;

/// <summary>Dropout on the input of every LoRA during training; its masks come from <paramref name="Generator"/> alone, so a seed repeats a run.</summary>
/// <param name="Probability">0 to below 1; 0 drops nothing.</param>
/// <param name="Generator">The job's own random stream for dropout. Null: the device's, which the caller seeds; TorchSharp makes generators of the CPU alone.</param>
public sealed record LoraDropout(double Probability, Generator? Generator)
{
    /// <summary>Zeroes values at random and scales up the others; <paramref name="x"/> itself at probability 0.</summary>
    internal Tensor Apply(Tensor x)
    {
        if (Probability == 0) return x;
        var keep = rand(x.shape, float32, x.device, generator: Generator).ge(Probability);
        return x.mul(keep.to(x.dtype).div_(1 - Probability));
    }
}
