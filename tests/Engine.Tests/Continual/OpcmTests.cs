using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Tests.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

public sealed class OpcmTests
{
    // M_1 = dW_1 = diag(4, 2): singular values 4, 2 of sum 6; half of it, 3, needs one: the top block is entry (1, 1). dW_2 = [3 1; 2 1] without it is [0 1; 2 1].
    // N = 1 * M_1 + that = [4 1; 2 3], |N|_F = sqrt(30). |dW_1|_F = sqrt(20), |dW_2|_F = sqrt(15): mean 4.17256; k = 5.47723 / 4.17256 = 1.31268.
    // M_2 = N / k = [3.04721 .76180; 1.52361 2.28541].
    [Fact]
    public void Served_OfTwoTasks_IsTheProjectedAndRescaledSum()
    {
        using var scope = NewDisposeScope();
        using var state = Hand.Chain(new Opcm(), Hand.Config(2), [Full(new double[,] { { 4, 0 }, { 0, 2 } }), Full(new double[,] { { 3, 1 }, { 2, 1 } })]);
        Numbers.AssertClose([3.04721, .76180, 1.52361, 2.28541], Dense.Flat(Hand.Served(state)), 1e-5, "dW");
        Numbers.AssertClose([1.31268, 4.17256], Numbers.Of(state.Sites[0].Tensors["k_and_norm"]), 1e-5, "k and mean");
        Assert.Equal(4, state.ServedConfig.Rank);
    }

    [Theory]
    [InlineData(1, .5, "full")]
    [InlineData(2, .9, "full")]
    [InlineData(3, 0, "full")]
    [InlineData(4, 1, "full")]
    [InlineData(5, .5, "fixed")]
    public void Served_OfFourRandomTasks_EqualsTheFormulaOnWholeMatrices(int seed, double alpha, string rank)
    {
        using var scope = NewDisposeScope();
        var random = new Random(seed);
        var method = ContinualMethods.Parse(FormattableString.Invariant($"opcm:alpha={alpha}:rank={rank}"));
        List<LoraWeights> tasks = [.. Enumerable.Range(0, 4).Select(_ => Hand.Lora(Dense.Random(2, 7, random), Dense.Random(6, 2, random), scale: 2))];
        using var state = Hand.Chain(method, Hand.Config(2, scale: 2), tasks);

        // Whole matrices of float64, the eigenvectors by power iteration with deflation rather than an SVD of factors.
        double[,]? merged = null;
        var (k, norms) = (1.0, new List<double>());
        foreach (var task in tasks)
        {
            var delta = Dense.Mul(Dense.From(task.Pairs[0].B), Dense.From(task.Pairs[0].A));
            norms.Add(Dense.Norm(delta));
            if (merged is null)
            {
                merged = delta;
                continue;
            }

            var values = Values(merged);
            var (wanted, sum) = (alpha * values.Sum(value => value.Sigma), 0.0);
            var top = values.TakeWhile(value =>
            {
                var more = sum < wanted - 1e-9;
                sum += value.Sigma;
                return more;
            }).ToList();
            var projected = delta;
            foreach (var (_, u, _) in top)
                foreach (var (_, _, v) in top)
                    projected = Dense.Add(projected, Dense.Mul(u, Dense.Transpose(v)), -Dense.Mul(Dense.Mul(Dense.Transpose(u), delta), v)[0, 0]);
            var next = Dense.Add(Dense.Scale(k, merged), projected);
            k = Dense.Norm(next) / norms.Average();
            merged = Dense.Scale(1 / k, next);
            if (rank == "fixed") merged = Values(merged).Take(2).Aggregate(new double[6, 7], (total, value) => Dense.Add(total, Dense.Mul(value.U, Dense.Transpose(value.V)), value.Sigma));
        }

        Numbers.AssertClose(Dense.Flat(Dense.Scale(2, merged!)), Dense.Flat(Hand.Served(state)), 1e-4, "dW");
        Assert.Equal(rank == "full" ? 8 : 2, state.ServedConfig.Rank);
    }

    [Fact]
    public void Served_OfMoreRowsThanTheLayerHas_IsPaddedWithZeros()
    {
        using var scope = NewDisposeScope();
        using var state = Hand.Chain(new Opcm(), Hand.Config(2), Enumerable.Repeat(0, 3).Select(_ => Full(new double[,] { { 1, 0 }, { 0, 1 } })));
        using var served = state.ServingWeights();
        Assert.Equal([6, 2], served.Pairs[0].A.shape);
        Assert.All(Numbers.Of(served.Pairs[0].A)[4..], value => Assert.Equal(0, value));
    }

    [Fact]
    public void Served_OfTasksThatChangedNothing_IsNothing()
    {
        using var scope = NewDisposeScope();
        using var state = Hand.Chain(new Opcm(), Hand.Config(1), Enumerable.Repeat(0, 3).Select(_ => Hand.Lora(new double[,] { { 1, 2 } }, new double[,] { { 0 } })));
        Assert.All(Dense.Flat(Hand.Served(state)), value => Assert.Equal(0, value));
    }

    /// <summary>A pair whose product is this matrix.</summary>
    private static LoraWeights Full(double[,] delta) => Hand.Lora(delta, Dense.Identity(2));

    /// <summary>Singular values with their vectors, largest first, those above rounding.</summary>
    private static List<(double Sigma, double[,] U, double[,] V)> Values(double[,] matrix)
    {
        var (rest, found) = (matrix, new List<(double, double[,], double[,])>());
        while (found.Count < Math.Min(matrix.GetLength(0), matrix.GetLength(1)))
        {
            var v = Dense.Create(matrix.GetLength(1), 1, (i, _) => 1 + 0.1 * i);
            for (var round = 0; round < 20000; round++)
            {
                var next = Dense.Mul(Dense.Transpose(rest), Dense.Mul(rest, v));
                if (Dense.Norm(next) < 1e-12) return found;
                next = Dense.Scale(1 / Dense.Norm(next), next);
                var still = Dense.Norm(Dense.Add(next, v, -1)) < 1e-14;
                v = next;
                if (still) break;
            }

            var u = Dense.Mul(rest, v);
            var sigma = Dense.Norm(u);
            if (sigma < 1e-6) return found;
            u = Dense.Scale(1 / sigma, u);
            found.Add((sigma, u, v));
            rest = Dense.Add(rest, Dense.Mul(u, Dense.Transpose(v)), -sigma);
        }

        return found;
    }
}
