using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Lora;

/// <summary>One adapter for all tokens: scale * drop(x) A^T B^T (Hu et al. 2021), with dropout on the LoRA's input only, as PEFT has it. Belongs to one forward pass.</summary>
/// <param name="weights">The adapter.</param>
/// <param name="dropout">Null: none.</param>
/// <param name="together">
/// One product with the A of all layers that share an input, in place of one each: on a GPU each reads the input once more, forward and backward, and is a launch more.
/// Not with dropout, which has a mask for each layer.
/// </param>
internal sealed class LoraUpdate(LoraWeights weights, LoraDropout? dropout, bool together) : LinearUpdate
{
    private readonly Dictionary<int, Tensor> _low = []; // by layer, of the group begun last
    private Tensor? _input;

    public static LoraUpdate? Of(LoraWeights? weights, Device device, LoraDropout? dropout = null) =>
        weights is null ? null : new LoraUpdate(weights, dropout, together: dropout is null && device.type == DeviceType.CUDA);

    internal override int FirstSite => weights.FirstSite;

    internal override Tensor AddTo(Tensor y, Tensor x, int site)
    {
        if (weights.At(site) is not { } pair) return y;
        return together ? LoraProduct.AddUp(pair, Shared(x, site), y) : LoraProduct.Add(pair, dropout?.Apply(x, site) ?? x, y);
    }

    internal override void Backward(Tensor gradient, Tensor x, int site, Tensor? inputGradient)
    {
        if (weights.At(site) is not { } pair) return;
        if (dropout is null) LoraProduct.Backward(pair, gradient, x, inputGradient);
        else base.Backward(gradient, x, site, inputGradient);
    }

    private Tensor Shared(Tensor x, int site)
    {
        // By the input itself: a block that is run once more has another one.
        if (!ReferenceEquals(_input, x))
        {
            var (first, count) = DecoderLayout.SharingInput(site);
            // The layers of a block are computed in one dispose scope, which the parts belong to.
            var pairs = Enumerable.Range(first, count).Select(weights.At).OfType<LoraPair>().ToList();
            var all = cat([.. pairs.Select(pair => pair.A)]).to(x.dtype); // [sum of R, in]
            var parts = linear(x, all).split([.. pairs.Select(pair => pair.A.shape[0])], 1); // each [N, R]
            _low.Clear();
            for (var i = 0; i < parts.Length; i++) _low[pairs[i].Site.Index] = parts[i];
            _input = x;
        }

        return _low[site];
    }
}
