using System.Buffers;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// scale * x A^T B^T on a CPU, without a graph, and its gradients, with A and B as they are kept, in float32. General products take up to three times as long for so few rows (docs/performance.md), and round what lies between
/// them to the tokens' type.
/// </summary>
internal static unsafe class LowRankKernels
{
    private readonly struct AddJob(LowRankMath math, byte* x, int input, float* a, float* b, int rank, float scale, byte* y, int output, int size) : IJob
    {
        // Tokens at a time: what is computed of them stays near.
        private const int Tokens = 16;

        public void Run(int from, int to)
        {
            var rented = ArrayPool<float>.Shared.Rent(Tokens * rank);
            fixed (float* low = rented)
            {
                for (var token = from; token < to; token += Tokens)
                {
                    var count = Math.Min(Tokens, to - token);
                    math.Down(x + ((long)token * input * size), count, input, a, rank, scale, low);
                    math.Up(low, count, rank, b, y + ((long)token * output * size), output);
                }
            }

            ArrayPool<float>.Shared.Return(rented);
        }
    }

    // What the sums over the tokens need of each, and the gradient of x.
    private readonly struct BackJob(LowRankMath math, byte* gradient, int output, float* b, int rank, float scale, float* back, byte* x, int input, float* a, float* low, byte* sumX, int size) : IJob
    {
        public void Run(int from, int to)
        {
            var count = to - from;
            math.Down(gradient + ((long)from * output * size), count, output, b, rank, scale, back + ((long)from * rank));
            if (low is not null) math.Down(x + ((long)from * input * size), count, input, a, rank, scale, low + ((long)from * rank));
            if (sumX is not null) math.Up(back + ((long)from * rank), count, rank, a, sumX + ((long)from * input * size), input);
        }
    }

    private readonly struct SumJob(LowRankMath math, float* low, byte* x, int tokens, int rank, int width, float* sums) : IJob
    {
        public void Run(int from, int to) => math.Sum(low, x, tokens, rank, width, from, to, sums);
    }

    // Ranks of MaxRank.
    private const int Few = 8;
    private const int Many = 64;

    /// <summary>Whether the kernels take these: as <see cref="TokenKernels.Take"/>, and of a rank for which general products are no quicker.</summary>
    public static bool Take(Tensor a, Tensor b, Tensor x) => TokenKernels.Take(x) && IsMaster(a) && IsMaster(b) && a.size(0) <= MaxRank(x.dtype, Processor.IsIntel, !ProductKernels.Pays);

    /// <summary>Adds scale * x A^T B^T to <paramref name="y"/>, in place.</summary>
    /// <param name="a">float32 [R, in].</param>
    /// <param name="b">float32 [out, R].</param>
    /// <param name="scale">Of the product.</param>
    /// <param name="x">[N, in].</param>
    /// <param name="y">[N, out], of x's type.</param>
    public static void Add(Tensor a, Tensor b, double scale, Tensor x, Tensor y)
    {
        var (tokens, rank, input, output) = ((int)x.size(0), (int)a.size(0), (int)x.size(1), (int)y.size(1));
        var (math, floats) = (LowRankMath.Of(x.dtype)!, ArrayPool<float>.Shared);
        float[] packedA = floats.Rent(rank * input), packedB = floats.Rent(rank * output);
        fixed (float* first = packedA, second = packedB)
        {
            math.Pack(CpuKernels.Pointer(a), rank, input, transposed: false, first);
            math.Pack(CpuKernels.Pointer(b), rank, output, transposed: true, second);
            SharedJob.Run(
                new AddJob(math, (byte*)TensorMemory.Of(x), input, first, second, rank, (float)scale, (byte*)TensorMemory.Of(y), output, (int)x.element_size()),
                tokens,
                x.numel() + y.numel());
        }

        floats.Return(packedA);
        floats.Return(packedB);
        TensorMemory.KeepAlive(a, b, x, y); // a job has their memory alone
    }

    /// <summary>The gradients of what <see cref="Add"/> adds, each added to what it is the share of, in place.</summary>
    /// <param name="a">As there.</param>
    /// <param name="b">As there.</param>
    /// <param name="scale">As there.</param>
    /// <param name="gradient">[N, out]: that of y.</param>
    /// <param name="x">As there.</param>
    /// <param name="sumA">float32 [R, in]; null: nobody asks.</param>
    /// <param name="sumB">float32 [out, R]; null: nobody asks.</param>
    /// <param name="sumX">[N, in]; null: nobody asks.</param>
    public static void Backward(Tensor a, Tensor b, double scale, Tensor gradient, Tensor x, Tensor? sumA, Tensor? sumB, Tensor? sumX)
    {
        var (tokens, rank, input, output) = ((int)x.size(0), (int)a.size(0), (int)x.size(1), (int)gradient.size(1));
        var (math, size, floats) = (LowRankMath.Of(x.dtype)!, (int)x.element_size(), ArrayPool<float>.Shared);
        float[] packedA = floats.Rent(rank * input), packedB = floats.Rent(rank * output), backs = floats.Rent(tokens * rank), lows = floats.Rent(sumB is null ? 1 : tokens * rank);
        fixed (float* first = packedA, second = packedB, back = backs, low = lows)
        {
            byte* from = (byte*)TensorMemory.Of(x), arrived = (byte*)TensorMemory.Of(gradient);
            math.Pack(CpuKernels.Pointer(a), rank, input, transposed: false, first);
            math.Pack(CpuKernels.Pointer(b), rank, output, transposed: true, second);
            SharedJob.Run(
                new BackJob(math, arrived, output, second, rank, (float)scale, back, from, input, first, sumB is null ? null : low, sumX is null ? null : (byte*)TensorMemory.Of(sumX), size), tokens, x.numel() + gradient.numel());
            if (sumA is not null) Sum(math, back, from, tokens, rank, input, first, sumA, transposed: false);
            if (sumB is not null) Sum(math, low, arrived, tokens, rank, output, second, sumB, transposed: true);
        }

        foreach (var rented in (float[][])[packedA, packedB, backs, lows]) floats.Return(rented);
        TensorMemory.KeepAlive(a, b, gradient, x, sumA, sumB, sumX);
    }

    /// <summary>Adds low^T x to <paramref name="sum"/>. What was packed is not needed any more: its memory is.</summary>
    private static void Sum(LowRankMath math, float* low, byte* x, int tokens, int rank, int width, float* packed, Tensor sum, bool transposed)
    {
        new Span<float>(packed, rank * width).Clear();
        SharedJob.Run(new SumJob(math, low, x, tokens, rank, width, packed), (width + math.Block - 1) / math.Block, (long)tokens * width);
        math.AddPacked(packed, rank, width, transposed, CpuKernels.Pointer(sum));
    }

    /// <summary>Up to where general products are no quicker (docs/performance.md): Intel's library has thin ones that are, on Intel's processors, and processors that are quick in bfloat16 multiply it by themselves, which the kernels do not.</summary>
    internal static int MaxRank(ScalarType type, bool isIntel, bool quickInBFloat16)
    {
        if (type == ScalarType.Float32) return isIntel ? Few : Many;
        return quickInBFloat16 ? Few : Many;
    }

    private static bool IsMaster(Tensor matrix) => matrix.dtype == float32 && TokenKernels.IsPlain(matrix);
}
