using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Pretrain.Training;

/// <summary>
/// Starts the model with working induction heads (Olsson et al. 2022): a head of layer 0 writes beside every token which token stood before
/// it, and two heads of layer 1 look for the place where the present token stood "before" and copy what follows there. Reading and extracting
/// build on this; from chance weights it is found only after many times the text of this recipe. Everything stays trainable.
/// </summary>
/// <remarks>
/// Component 0 of every embedding is the same constant, the last 32 start empty (the token before goes there), those between are the token's
/// own code. Made for a head width of 32 and two or more key/value heads.
/// </remarks>
internal static class InductionHeads
{
    private const int Code = 32; // components of the code that are passed on
    private const int Frequencies = 4; // rotary frequencies that tell neighbours apart, fastest first
    private const int FirstSlow = 8; // rotary frequencies from here on hardly turn within a prompt: they compare contents
    private const double Sharpness = 5, MatchSharpness = 2.2, WritePrevious = 0.054, WriteCopy = 0.1;

    public static void Plant(IReadOnlyDictionary<string, Tensor> weights, ModelConfig config)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var (width, half, heads) = (config.HeadWidth, config.HeadWidth / 2, config.HeadCount / config.KeyValueHeadCount);
        var previous = config.HiddenSize - Code; // where the code of the token before is written

        var embedding = weights["model.embed_tokens.weight"]; // [V, D]
        embedding.narrow(1, previous, Code).zero_();
        embedding.narrow(1, 0, 1).fill_(embedding.narrow(1, 1, previous - 1).norm(1, p: 2f).mean().item<float>());

        // Layer 0: queries and keys are constants that the rotation turns into a function of the distance, largest at one and at two back.
        var constant = Sharpness / Math.Sqrt(config.HiddenSize / 2.0); // the shared component is that large behind the norm
        var (query, key, value, output) = Matrices(weights, 0);
        query.narrow(0, 0, 2 * width).zero_();
        key.narrow(0, 0, width).zero_();
        value.narrow(0, 0, width).zero_();
        for (var f = 0; f < Frequencies; f++)
        {
            var angle = Math.Pow(config.Rope.Theta, -f / (double)half);
            key[f, 0] = constant;
            for (var back = 1; back <= 2; back++)
            {
                query[(back - 1) * width + f, 0] = constant * Math.Cos(angle * back);
                query[(back - 1) * width + f + half, 0] = -constant * Math.Sin(angle * back);
            }
        }

        output.narrow(1, 0, width).zero_();
        for (var i = 0; i < Code; i++)
        {
            value[i, 1 + i] = 1;
            output[previous + i, i] = WritePrevious;
        }

        // Layer 1: half of the passed code is compared in the first group of heads, the other half in the second; each copies its own part.
        (query, key, value, output) = Matrices(weights, 1);
        for (var group = 0; group < 2; group++)
        {
            var head = group * heads;
            query.narrow(0, head * width, width).zero_();
            key.narrow(0, group * width, width).zero_();
            value.narrow(0, group * width, width).zero_();
            output.narrow(1, head * width, width).zero_();
            for (var i = 0; i < half; i++)
            {
                var slow = FirstSlow + i % (half - FirstSlow) + (i < half - FirstSlow ? 0 : half);
                query[head * width + slow, 1 + group * half + i] = MatchSharpness;
                key[group * width + slow, previous + group * half + i] = MatchSharpness;
            }

            for (var i = 0; i < Code; i++)
            {
                value[group * width + i, 1 + group * Code + i] = 1;
                output[1 + group * Code + i, head * width + i] = WriteCopy;
            }
        }
    }

    private static (Tensor Query, Tensor Key, Tensor Value, Tensor Output) Matrices(IReadOnlyDictionary<string, Tensor> weights, int layer)
    {
        Tensor Of(string name) => weights[$"model.layers.{layer}.self_attn.{name}_proj.weight"];
        return (Of("q"), Of("k"), Of("v"), Of("o"));
    }
}
