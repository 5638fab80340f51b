using ContinualService.Engine.Tests.Training;
using static TorchSharp.torch;

namespace ContinualService.Engine.Tests.Continual;

/// <summary>float64 matrices in plain loops: what the engine's tensors are held against.</summary>
internal static class Dense
{
    public static double[,] From(Tensor tensor)
    {
        var (values, matrix) = (Numbers.Of(tensor), new double[tensor.shape[0], tensor.shape[1]]);
        for (var i = 0; i < values.Length; i++) matrix[i / matrix.GetLength(1), i % matrix.GetLength(1)] = values[i];
        return matrix;
    }

    public static double[] Flat(double[,] matrix) => [.. matrix.Cast<double>()];

    public static double[,] Of(IReadOnlyList<double> values, int rows, int columns) => Create(rows, columns, (i, j) => values[i * columns + j]);

    public static double[,] Create(int rows, int columns, Func<int, int, double> value)
    {
        var matrix = new double[rows, columns];
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++)
                matrix[i, j] = value(i, j);
        return matrix;
    }

    /// <summary>float32 numbers between -1 and 1, so that the tensor made of them is the same matrix.</summary>
    public static double[,] Random(int rows, int columns, Random random) => Create(rows, columns, (_, _) => (float)(2 * random.NextDouble() - 1));

    public static double[,] Identity(int size) => Create(size, size, (i, j) => i == j ? 1 : 0);

    public static double[,] Transpose(double[,] a) => Create(a.GetLength(1), a.GetLength(0), (i, j) => a[j, i]);

    public static double[,] Mul(double[,] a, double[,] b) =>
        Create(a.GetLength(0), b.GetLength(1), (i, j) => Enumerable.Range(0, a.GetLength(1)).Sum(k => a[i, k] * b[k, j]));

    public static double[,] Add(double[,] a, double[,] b, double factor = 1) => Create(a.GetLength(0), a.GetLength(1), (i, j) => a[i, j] + factor * b[i, j]);

    public static double[,] Scale(double factor, double[,] a) => Create(a.GetLength(0), a.GetLength(1), (i, j) => factor * a[i, j]);

    public static double Norm(double[,] a) => Math.Sqrt(Flat(a).Sum(value => value * value));

    /// <summary>Rows of both, one below the other.</summary>
    public static double[,] Below(double[,] a, double[,] b) =>
        Create(a.GetLength(0) + b.GetLength(0), a.GetLength(1), (i, j) => i < a.GetLength(0) ? a[i, j] : b[i - a.GetLength(0), j]);

    /// <summary>A^T (A A^T)^-1 A, with the inverse by Gauss and Jordan.</summary>
    public static double[,] Projector(double[,] a)
    {
        var (gram, size) = (Mul(a, Transpose(a)), a.GetLength(0));
        var inverse = Identity(size);
        for (var pivot = 0; pivot < size; pivot++)
        {
            var by = gram[pivot, pivot];
            for (var j = 0; j < size; j++) (gram[pivot, j], inverse[pivot, j]) = (gram[pivot, j] / by, inverse[pivot, j] / by);
            for (var i = 0; i < size; i++)
            {
                if (i == pivot) continue;
                var factor = gram[i, pivot];
                for (var j = 0; j < size; j++) (gram[i, j], inverse[i, j]) = (gram[i, j] - factor * gram[pivot, j], inverse[i, j] - factor * inverse[pivot, j]);
            }
        }

        return Mul(Mul(Transpose(a), inverse), a);
    }
}
