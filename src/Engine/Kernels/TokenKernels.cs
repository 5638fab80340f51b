using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>
/// Norms, rotations, gates and the loss of tokens on a CPU, without a graph, and their gradients: each goes through memory once, where libtorch's operators take several passes and a tensor for each (docs/performance.md). Tokens are shared
/// out among as many threads as libtorch would take here. N tokens, in float32 or bfloat16; results belong to the caller's dispose scope.
/// </summary>
internal static unsafe class TokenKernels
{
    /// <summary>What is done to one token, whose numbers begin at a place in every tensor.</summary>
    private interface ITokenJob
    {
        /// <summary>Bytes from one token to the next.</summary>
        long Step { get; }

        void Run(long at);
    }

    private readonly struct EachToken<TJob>(TJob job) : IJob
        where TJob : struct, ITokenJob
    {
        public void Run(int from, int to)
        {
            for (var token = from; token < to; token++) job.Run(token * job.Step);
        }
    }

    private readonly struct NormJob(TokenMath math, byte* x, byte* weight, byte* to, int width, float epsilon) : ITokenJob
    {
        public long Step => (long)width * math.Size;

        public void Run(long at) => math.Norm(x + at, weight, to + at, width, epsilon);
    }

    private readonly struct NormGradientJob(TokenMath math, byte* x, byte* weight, byte* gradient, byte* sum, int width, float epsilon) : ITokenJob
    {
        public long Step => (long)width * math.Size;

        public void Run(long at) => math.NormGradient(x + at, weight, gradient + at, sum is null ? null : sum + at, gradient + at, width, epsilon);
    }

    // Tables of so many rows: those of all tokens, or of one of several sequences that are equally long.
    private readonly struct TurnJob(TokenMath math, byte* x, float* cos, float* sin, int rows, int heads, int width, float direction) : IJob
    {
        public void Run(int from, int to)
        {
            for (var token = from; token < to; token++)
            {
                var head = x + ((long)token * heads * width * math.Size);
                var angle = (long)(token % rows) * (width / 2);
                for (var i = 0; i < heads; i++, head += (long)width * math.Size) math.Turn(head, cos + angle, sin + angle, direction, head, width / 2);
            }
        }
    }

    private readonly struct GateJob(TokenMath math, byte* gate, byte* up, byte* to, int width) : ITokenJob
    {
        public long Step => (long)width * math.Size;

        public void Run(long at) => math.Gate(gate + at, up + at, to + at, width);
    }

    private readonly struct GateGradientJob(TokenMath math, byte* gate, byte* up, byte* gradient, byte* gateGradient, int width) : ITokenJob
    {
        public long Step => (long)width * math.Size;

        public void Run(long at) => math.GateGradient(gate + at, up + at, gradient + at, gateGradient + at, width);
    }

    private readonly struct CrossEntropyJob(TokenMath math, float* logits, long* targets, float* weights, float scale, double* losses, int width) : IJob
    {
        public void Run(int from, int to)
        {
            for (var token = from; token < to; token++)
            {
                var share = weights is null ? scale : scale * weights[token];
                losses[token] = share * math.CrossEntropy(logits + ((long)token * width), (int)targets[token], share, width);
            }
        }
    }

    /// <summary>By the angle of a token's position.</summary>
    public const float Forth = 1;

    /// <summary>By its negative.</summary>
    public const float Back = -1;

    /// <summary>Whether the kernels take these: on a CPU, of one type of theirs, without gaps, and nobody records a graph of them.</summary>
    public static bool Take(Tensor x, Tensor? other = null) =>
        x.device_type == DeviceType.CPU && TokenMath.Of(x.dtype) is not null && IsPlain(x) && (other is null || (other.dtype == x.dtype && IsPlain(other)));

    /// <summary>Without gaps and without a graph.</summary>
    internal static bool IsPlain(Tensor tensor) => tensor.is_contiguous() && !(is_grad_enabled() && tensor.requires_grad);

    /// <summary>x / rms(x) * weight over the last dimension: x [..., D], weight [D].</summary>
    public static Tensor Norm(Tensor x, Tensor weight, double epsilon)
    {
        var to = empty_like(x);
        RunEach(new NormJob(Math(x), Memory(x), Memory(weight), Memory(to), Width(x), (float)epsilon), x, weight);
        return to;
    }

    /// <summary>The gradient of x, in place of <paramref name="gradient"/> [..., D], that of what <see cref="Norm"/> made.</summary>
    /// <param name="x">As there.</param>
    /// <param name="weight">As there.</param>
    /// <param name="epsilon">As there.</param>
    /// <param name="gradient">Used up.</param>
    /// <param name="sum">[..., D], to be added; null: nothing.</param>
    public static void NormGradient(Tensor x, Tensor weight, double epsilon, Tensor gradient, Tensor? sum) =>
        RunEach(new NormGradientJob(Math(x), Memory(x), Memory(weight), Memory(gradient), sum is null ? null : Memory(sum), Width(x), (float)epsilon), x, weight, gradient, sum);

    /// <summary>Turns queries or keys, [N, H*K], by their position, in place.</summary>
    /// <param name="flat">Those.</param>
    /// <param name="heads">H.</param>
    /// <param name="cos">float32, K/2 of each token, or of each of T tokens where N / T sequences have T each.</param>
    /// <param name="sin">As <paramref name="cos"/>.</param>
    /// <param name="direction"><see cref="Forth"/> or, which takes gradients back, <see cref="Back"/>.</param>
    public static void Turn(Tensor flat, int heads, Tensor cos, Tensor sin, float direction)
    {
        var width = Width(flat) / heads;
        Run(new TurnJob(Math(flat), Memory(flat), (float*)Memory(cos), (float*)Memory(sin), Rows(cos, width), heads, width, direction), flat, cos, sin);
    }

    /// <summary>silu(gate) * up, each [N, F].</summary>
    public static Tensor Gate(Tensor gate, Tensor up)
    {
        var to = empty_like(gate);
        RunEach(new GateJob(Math(gate), Memory(gate), Memory(up), Memory(to), Width(gate)), gate, up);
        return to;
    }

    /// <summary>The gradients of what <see cref="Gate"/> was given, from that of what it made, [N, F]: that of gate, and in place of <paramref name="gradient"/> that of up.</summary>
    public static Tensor GateGradient(Tensor gate, Tensor up, Tensor gradient)
    {
        var to = empty_like(gate);
        RunEach(new GateGradientJob(Math(gate), Memory(gate), Memory(up), Memory(gradient), Memory(to), Width(gate)), gate, up, gradient);
        return to;
    }

    /// <summary>Sum of scale * weight * cross-entropy, float32 [1]; its gradient takes the place of <paramref name="logits"/>.</summary>
    /// <param name="logits">float32 [n, V].</param>
    /// <param name="targets">int64 [n].</param>
    /// <param name="weights">float32 [n]; null: all 1.</param>
    /// <param name="scale">Of all.</param>
    /// <exception cref="ArgumentException">A target is not in the vocabulary.</exception>
    public static Tensor CrossEntropy(Tensor logits, Tensor targets, Tensor? weights, double scale)
    {
        foreach (var target in TensorMemory.Span<long>(targets))
            if (target < 0 || target >= logits.size(1)) throw new ArgumentException($"The target {target} is not in a vocabulary of {logits.size(1)}.", nameof(targets));
        using var losses = empty(logits.size(0), float64);
        Run(new CrossEntropyJob(Math(logits), (float*)Memory(logits), (long*)Memory(targets), weights is null ? null : (float*)Memory(weights), (float)scale, (double*)Memory(losses), Width(logits)), logits, targets, weights);
        using var sum = losses.sum([0], keepdim: true);
        return sum.to(float32);
    }

    private static TokenMath Math(Tensor x) => TokenMath.Of(x.dtype)!;

    private static byte* Memory(Tensor tensor) => (byte*)TensorMemory.Of(tensor);

    private static int Rows(Tensor table, int width) => (int)(table.numel() / (width / 2));

    private static int Width(Tensor x) => (int)x.size(-1);

    private static void RunEach<TJob>(TJob job, Tensor x, params ReadOnlySpan<Tensor?> others)
        where TJob : struct, ITokenJob => Run(new EachToken<TJob>(job), x, others);

    /// <summary>For all tokens of x [..., width]. The tensors are not collected meanwhile: a job has their memory alone.</summary>
    private static void Run<TJob>(TJob job, Tensor x, params ReadOnlySpan<Tensor?> others)
        where TJob : struct, IJob
    {
        SharedJob.Run(job, (int)(x.numel() / x.size(-1)), x.numel());
        TensorMemory.KeepAlive(x);
        TensorMemory.KeepAlive(others);
    }
}
