using System.Diagnostics;
using System.Text;
using ContinualService.Bench.Training;
using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Bench.Kernels;

/// <summary>
/// The kernels of training on a CPU against libtorch's operators for the same, in the same process and on the same numbers, each the best of many: what one block of a training step consists of; and its large products in the ways that there are.
/// </summary>
public static class KernelsCommand
{
    public const string Help = """
        kernels [--shape 110M] [--tokens 812]
            --shape 15M|110M|1B|8B         widths and heads of the block                                           (110M)
            --tokens 812                   of the step, in one row                                                 (812)
            --rank 8                       of the LoRA                                                             (8)
            --rounds 100                   each measured so often; the shortest is told                            (100)
            --threads 1                                                                                           (1)
        """;

    private const double Epsilon = 1e-5;
    private const double Scale = 0.5;

    public static int Run(Arguments arguments)
    {
        var shape = arguments.Text("shape") ?? "110M";
        if (!TrainingShapes.Names.Contains(shape)) throw new UsageException($"--shape {shape}: choose one of {string.Join(", ", TrainingShapes.Names)}.");
        var (tokens, rank, rounds, threads) = (arguments.Whole("tokens", 812), arguments.Whole("rank", 8), arguments.Whole("rounds", 100), arguments.Whole("threads", 1));
        if (tokens < 1 || rank < 1 || rounds < 1 || threads < 1) throw new UsageException("--tokens, --rank, --rounds and --threads are at least 1.");
        arguments.RefuseOthers();
        set_num_threads(threads);
        var config = TrainingShapes.Config(shape);

        var report = new StringBuilder();
        report.Append(FormattableString.Invariant($"# Kernels: a block of {shape}, {tokens} tokens, rank {rank}\n\n{threads} CPU threads; ms, the shortest of {rounds}; the ratio is libtorch's time to ours.\n\n"));
        report.Append("| | float32: libtorch's | ours | ratio | bfloat16: libtorch's | ours | ratio |\n|---|---|---|---|---|---|---|\n");
        var (wide, narrow) = (Measure(config, tokens, rank, rounds, float32), Measure(config, tokens, rank, rounds, bfloat16));
        foreach (var (first, second) in wide.Zip(narrow))
        {
            report.Append(FormattableString.Invariant($"| {first.Name} | {first.Libtorch:F3} | {first.Ours:F3} | {first.Libtorch / first.Ours:F2} | {second.Libtorch:F3} | {second.Ours:F3} | {second.Libtorch / second.Ours:F2} |\n"));
        }

        report.Append("\nThe layers' products, GFLOP/s, and bfloat16's in panels of float32 whether or not this processor's training takes them.\n\n| | float32: libtorch's | bfloat16: libtorch's | in panels | ratio |\n|---|---|---|---|---|\n");
        foreach (var product in Products(config, tokens, rounds))
            report.Append(FormattableString.Invariant($"| {product.Name} | {product.Wide:F0} | {product.Narrow:F0} | {product.Panels:F0} | {product.Panels / product.Narrow:F2} |\n"));
        Console.WriteLine(report);
        return 0;
    }

    private static List<Piece> Measure(ModelConfig config, int tokens, int rank, int rounds, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(7, CPU);
        Tensor Apart(Tensor flat) => flat.view(1, tokens, -1, config.HeadWidth).transpose(1, 2); // [1, H or G, N, K]
        Tensor Random(params long[] sizes) => randn(sizes, generator: generator).to(type);
        var (hidden, forward, heads, keyHeads, head) = (config.HiddenSize, config.IntermediateSize, config.HeadCount, config.KeyValueHeadCount, config.HeadWidth);
        var (x, weight, gradient, sum) = (Random(tokens, hidden), Random(hidden), Random(tokens, hidden), Random(tokens, hidden));
        var (gate, up, ofGated, queries) = (Random(tokens, forward), Random(tokens, forward), Random(tokens, forward), Random(tokens, heads * head));
        var angles = randn([tokens, head / 2], generator: generator);
        var (cos, sin) = (angles.cos(), angles.sin());
        var (key, value, ofMixed) = (Random(tokens, keyHeads * head), Random(tokens, keyHeads * head), Random(tokens, heads * head));
        var attention = new RowAttention([tokens]);
        var (logits, targets) = (randn([64, config.VocabularySize], generator: generator), arange(64, int64));

        // What takes the place of an argument: each round has it anew, or it would end in numbers that processors are slow with.
        var (used, usedUp, usedLogits, turned) = (empty_like(gradient), empty_like(ofGated), empty_like(logits), empty_like(queries));

        List<Piece> pieces =
        [
            Time("norm", () => Norm(x, weight), () => TokenKernels.Norm(x, weight, Epsilon)),
            Time("its gradient, added to another", () => Graph(x, leaf => Norm(leaf, weight), gradient).add_(sum), () => TokenKernels.NormGradient(x, weight, Epsilon, used, sum), () => used.copy_(gradient)),
            Time("rotation of the queries", () => Rotate(queries.view(tokens, heads, head).transpose(0, 1), cos, sin), () => TokenKernels.Turn(turned, heads, cos, sin, TokenKernels.Forth), () => turned.copy_(queries)),
            Time("its gradient", () => Rotate(queries.view(tokens, heads, head), cos.unsqueeze(1), sin.unsqueeze(1).neg()), () => TokenKernels.Turn(turned, heads, cos, sin, TokenKernels.Back), () => turned.copy_(queries)),
            Time("silu times up", () => silu(gate).mul_(up), () => TokenKernels.Gate(gate, up)),
            Time("its gradients", () => Graph(gate, leaf => silu(leaf), ofGated.mul(up)).add(ofGated.mul(silu(gate))), () => TokenKernels.GateGradient(gate, up, usedUp), () => usedUp.copy_(ofGated)),
            Time("loss of 64 tokens with its gradient", () => Loss(logits, targets), () => TokenKernels.CrossEntropy(usedLogits, targets, null, 1), () => usedLogits.copy_(logits)),
            Time("attention, forward and backward", () => Attend(Apart(queries), Apart(key), Apart(value), Apart(ofMixed)), () =>
            {
                attention.Forward(config, queries, key, value, null);
                attention.Backward(config, queries, key, value, ofMixed, null);
            }),
        ];
        foreach (var (name, input, output) in Linears(config))
        {
            var (a, b, read, y, upstream) = (randn([rank, input], generator: generator), randn([output, rank], generator: generator), Random(tokens, input), Random(tokens, output), Random(tokens, output));
            var (sumA, sumB, sumX) = (zeros_like(a), zeros_like(b), zeros_like(read));
            pieces.Add(Time($"LoRA of {name}", () => y.addmm_(a.to(type).mm(read.t()).t(), b.to(type).t(), 1, (float)Scale), () => LowRankKernels.Add(a, b, Scale, read, y)));
            pieces.Add(Time("its gradients", () => ScriptedOperators.LoraBackward(a, b, Scale, upstream, read, sumA, sumB, sumX), () => LowRankKernels.Backward(a, b, Scale, upstream, read, sumA, sumB, sumX)));
        }

        return pieces;

        Piece Time(string name, Action libtorch, Action ours, Action? before = null)
        {
            Console.Error.WriteLine($"{type}: {name}");
            return new Piece(name, Shortest(libtorch, rounds, null), Shortest(ours, rounds, before));
        }
    }

    private static List<Product> Products(ModelConfig config, int tokens, int rounds)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(7, CPU);
        var products = new List<Product>();
        foreach (var (name, input, output) in Linears(config))
        {
            var (x, weight, gradient) = (randn([tokens, input], generator: generator), randn([output, input], generator: generator), randn([tokens, output], generator: generator));
            var (narrowX, narrowWeight, narrowGradient) = (x.to(bfloat16), weight.to(bfloat16), gradient.to(bfloat16));
            var (y, back) = (narrowGradient.clone(), narrowX.clone());
            products.Add(new Product(name, Rate(() => linear(x, weight)), Rate(() => linear(narrowX, narrowWeight)), Rate(() => ProductKernels.Multiply(narrowX, narrowWeight, turned: true, y, add: false))));
            products.Add(new Product("its gradient", Rate(() => gradient.mm(weight)), Rate(() => narrowGradient.mm(narrowWeight)), Rate(() => ProductKernels.Multiply(narrowGradient, narrowWeight, turned: false, back, add: false))));

            double Rate(Action work) => 2e-6 * tokens * input * output / Shortest(work, rounds, null);
        }

        return products;
    }

    private static (string Name, int Input, int Output)[] Linears(ModelConfig config) =>
        [("q", config.HiddenSize, config.HeadCount * config.HeadWidth), ("gate", config.HiddenSize, config.IntermediateSize), ("down", config.IntermediateSize, config.HiddenSize)];

    /// <summary>As the decoder computes it where there are no kernels.</summary>
    private static Tensor Norm(Tensor x, Tensor weight)
    {
        var wide = x.to(float32);
        return wide.mul(wide.mul(wide).mean([-1], keepdim: true).add(Epsilon).rsqrt()).to(x.dtype).mul(weight);
    }

    private static Tensor Rotate(Tensor x, Tensor cos, Tensor sin)
    {
        var half = x.size(-1) / 2;
        var (left, right) = (x.narrow(-1, 0, half), x.narrow(-1, half, half));
        return cat([left.mul(cos).sub(right.mul(sin)), right.mul(cos).add(left.mul(sin))], -1).to(x.dtype);
    }

    private static Tensor Graph(Tensor at, Func<Tensor, Tensor> function, Tensor upstream)
    {
        var leaf = at.detach().requires_grad_(true);
        using (enable_grad()) function(leaf).backward([upstream]);
        return leaf.grad!;
    }

    private static void Loss(Tensor logits, Tensor targets)
    {
        var leaf = logits.detach().requires_grad_(true);
        using (enable_grad()) cross_entropy(leaf, targets, reduction: nn.Reduction.Sum).backward();
    }

    private static void Attend(Tensor query, Tensor key, Tensor value, Tensor upstream)
    {
        Tensor[] leaves = [.. new[] { query, key, value }.Select(each => each.detach().requires_grad_(true))];
        var shared = query.size(1) / key.size(1);
        using var withGraph = enable_grad();
        var (keys, values) = shared == 1 ? (leaves[1], leaves[2]) : (leaves[1].repeat_interleave(shared, 1), leaves[2].repeat_interleave(shared, 1));
        scaled_dot_product_attention(leaves[0], keys, values, is_casual: true).backward([upstream]);
    }

    // Twice as many first, some of which the runtime spends on compiling.
    private static double Shortest(Action work, int rounds, Action? before)
    {
        var shortest = double.MaxValue;
        for (var round = 0; round < 3 * rounds; round++)
        {
            using var scope = NewDisposeScope();
            before?.Invoke();
            var start = Stopwatch.GetTimestamp();
            work();
            if (round >= 2 * rounds) shortest = Math.Min(shortest, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return shortest;
    }

    /// <param name="Name">Of what.</param>
    /// <param name="Wide">GFLOP/s, and so the others.</param>
    /// <param name="Narrow">Libtorch's in bfloat16.</param>
    /// <param name="Panels">Ours.</param>
    private readonly record struct Product(string Name, double Wide, double Narrow, double Panels);

    private readonly record struct Piece(string Name, double Libtorch, double Ours);
}
