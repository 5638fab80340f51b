using System.Runtime.InteropServices;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// A layer's product with tokens and its gradient: libtorch's or, of bfloat16 on CPUs that are slow in it and without a graph, in float32. Parts of the weights become that as they are needed, in panels that a core's cache holds, and
/// <see cref="Brgemm"/> multiplies these; a sum is rounded once, when it is whole. So such a base takes half of float32's memory and about its time (docs/performance.md).
/// A token's numbers do not depend on the tokens or the threads beside it.
/// </summary>
internal static unsafe class ProductKernels
{
    /// <summary>With fewer tokens laying the weights out costs more than it gains.</summary>
    internal const int LeastTokens = 32;

    // Numbers that are summed over at once, of a panel.
    private const int Depth = 1024;

    // Tokens at once, and by halves what is left of them.
    private const int Block = 64;

    // Tokens' numbers that are float32 at once: 8 MiB, or those of the least tokens.
    private const int Widened = 1 << 21;
    private const int LeastWidened = 4 * Block;

    /// <summary>y = x m, of x [tokens, inner] and the matrix m [inner, outer] or, turned, that of [outer, inner], panel by panel.</summary>
    private readonly struct PanelJob<TNumber>(float* x, int tokens, int inner, ushort* matrix, int outer, bool turned, TNumber* y, bool add) : IJob
        where TNumber : unmanaged
    {
        public void Run(int from, int to)
        {
            var depth = (int)CacheLine.Rounded((inner + Pieces - 1) / Pieces);
            var panel = CacheLine.Allocate((long)(depth + tokens) * ProductMath.Width);
            var tile = panel + ((long)depth * ProductMath.Width);
            for (var column = from * ProductMath.Width; column < Math.Min(to * ProductMath.Width, outer); column += ProductMath.Width)
            {
                var columns = Math.Min(ProductMath.Width, outer - column);
                for (var k = 0; k < inner; k += depth)
                {
                    var count = Math.Min(depth, inner - k);
                    if (turned) PanelMath.Turn(matrix + ((long)column * inner) + k, inner, columns, count, panel, ProductMath.Width);
                    else ProductMath.Lay(matrix + ((long)k * outer) + column, outer, count, columns, panel);
                    Multiply(x + k, count, panel, tile, add: k > 0);
                }

                ProductMath.Store(tile, tokens, columns, y + column, outer, add);
            }

            NativeMemory.AlignedFree(panel);
        }

        private int Pieces => (inner + Depth - 1) / Depth;

        private void Multiply(float* from, int depth, float* panel, float* tile, bool add)
        {
            var (token, block) = (0, Block);
            while (token < tokens)
            {
                while (block > tokens - token) block /= 2;
                Brgemm.Multiply(block, ProductMath.Width, depth, from + ((long)token * inner), inner, panel, ProductMath.Width, tile + ((long)token * ProductMath.Width), ProductMath.Width, add);
                token += block;
            }
        }
    }

    private readonly struct WidenJob(ushort* from, float* to, int width) : IJob
    {
        public void Run(int first, int last) => ProductMath.Widen(from + ((long)first * width), (long)(last - first) * width, to + ((long)first * width));
    }

    /// <summary>Whether this processor gains by it in a product of any size: measured on one of Intel's that shows no matrix units; those, and AMD's processors, multiply bfloat16 twice as quickly as float32 or more.</summary>
    internal static bool Pays { get; } = Brgemm.IsThere && Processor.IsIntel && !Processor.HasMatrixUnits;

    /// <summary>x W^T + b, [N, in] to [N, out]. Belongs to the caller's dispose scope.</summary>
    /// <param name="x">[N, in].</param>
    /// <param name="weight">W, [out, in].</param>
    /// <param name="bias">b, [out]; null: none.</param>
    public static Tensor Linear(Tensor x, Tensor weight, Tensor? bias)
    {
        if (!Takes(x, weight, Pays)) return linear(x, weight, bias);
        var y = x.new_empty(x.size(0), weight.size(0));
        if (bias is not null) y.copy_(bias);
        Multiply(x, weight, turned: true, y, add: bias is not null);
        return y;
    }

    /// <summary>x W^T in float32: what bfloat16 would round, softmax and loss lose.</summary>
    /// <param name="x">[..., in].</param>
    /// <param name="weight">As there.</param>
    public static Tensor WideLinear(Tensor x, Tensor weight)
    {
        if (!Takes(x, weight, Pays)) return linear(x, weight).to(float32);
        var y = empty(x.size(0), weight.size(0), float32);
        Multiply(x, weight, turned: true, y, add: false);
        return y;
    }

    /// <summary>The gradient of x given that of <see cref="Linear"/>'s result, added to <paramref name="sum"/> in place where there is one. A new one belongs to the caller's dispose scope.</summary>
    /// <param name="gradient">[N, out]: of the weights' type or, as <see cref="WideLinear"/>'s is, float32.</param>
    /// <param name="weight">As there.</param>
    /// <param name="sum">[N, in]; null: none.</param>
    public static Tensor LinearBack(Tensor gradient, Tensor weight, Tensor? sum)
    {
        if (!Takes(gradient, weight, Pays)) return sum is null ? gradient.As(weight.dtype).mm(weight) : sum.addmm_(gradient.As(weight.dtype), weight);
        var to = sum ?? weight.new_empty(gradient.size(0), weight.size(1));
        Multiply(gradient, weight, turned: false, to, add: sum is not null);
        return to;
    }

    /// <summary>The product by panels, whatever the processor gains by it: <paramref name="x"/> [N, inner] with <paramref name="weight"/>, bfloat16 [inner, outer] or, turned, that of [outer, inner], in place of <paramref name="y"/> [N, outer] or added to it.</summary>
    internal static void Multiply(Tensor x, Tensor weight, bool turned, Tensor y, bool add)
    {
        if (y.dtype == ScalarType.Float32) Multiply(x, weight, turned, y, (float*)TensorMemory.Of(y), add);
        else Multiply(x, weight, turned, y, (ushort*)TensorMemory.Of(y), add);
    }

    private static void Multiply<TNumber>(Tensor x, Tensor weight, bool turned, Tensor y, TNumber* to, bool add)
        where TNumber : unmanaged
    {
        var (tokens, inner, outer) = ((int)x.size(0), (int)x.size(1), (int)y.size(1));
        var matrix = (ushort*)TensorMemory.Of(weight);
        if (x.dtype == ScalarType.Float32)
        {
            Panels((float*)TensorMemory.Of(x), tokens, to);
        }
        else
        {
            var from = (ushort*)TensorMemory.Of(x);
            var most = Math.Min(tokens, Math.Max(LeastWidened, Widened / inner / Block * Block));
            var widened = CacheLine.Allocate((long)most * inner); // not the collector's memory, which would keep what is so large for long
            for (var token = 0; token < tokens; token += most, from += (long)most * inner, to += (long)most * outer)
            {
                var count = Math.Min(most, tokens - token);
                SharedJob.Run(new WidenJob(from, widened, inner), count, (long)count * inner);
                Panels(widened, count, to);
            }

            NativeMemory.AlignedFree(widened);
        }

        TensorMemory.KeepAlive(x, weight, y); // a job has their memory alone

        void Panels(float* values, int count, TNumber* sums) =>
            SharedJob.Run(new PanelJob<TNumber>(values, count, inner, matrix, outer, turned, sums, add), (outer + ProductMath.Width - 1) / ProductMath.Width, (long)inner * outer);
    }

    /// <summary>How many float32 numbers a lane computes in.</summary>
    /// <param name="model">How wide its layers are.</param>
    /// <param name="tokens">Of the lane.</param>
    /// <param name="threads">Of the lane.</param>
    internal static long Room(ModelConfig model, long tokens, int threads)
    {
        var widest = Math.Max(Math.Max(model.HiddenSize, model.IntermediateSize), model.HeadCount * model.HeadWidth);
        return Math.Min(tokens * widest, Math.Max(Widened, (long)LeastWidened * widest)) + (threads * (Math.Min(Depth, CacheLine.Rounded(widest)) + tokens) * ProductMath.Width);
    }

    /// <summary>Whether panels are multiplied: of bfloat16, where the processor gains by it.</summary>
    internal static bool Takes(Tensor x, Tensor weight, bool pays) => pays && weight.dtype == ScalarType.BFloat16 && x.dim() == 2 && x.size(0) >= LeastTokens && TokenKernels.Take(x) && TokenKernels.IsPlain(weight);
}
