using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Kernels;

/// <summary>What the tokens of one sequence attend by.</summary>
/// <param name="Shared">Query heads of a key head.</param>
/// <param name="QueryStep">Numbers from one token's queries to the next token's.</param>
/// <param name="KeyStep">The same of keys and of values.</param>
/// <param name="Width">K, of a head.</param>
/// <param name="Scale">Of the scores.</param>
/// <param name="Window">A token sees this many keys, its own included.</param>
internal readonly record struct AttentionShape(int Shared, int QueryStep, int KeyStep, int Width, float Scale, int Window);

/// <summary>
/// Causal attention of one sequence's tokens to one key head, over plain memory, and its gradients: numbers of one type, computed with in float32 and rounded once. Some queries at a time, in squares of registers that hold what they sum up, with the keys
/// that they see and hardly any others; what is computed goes through a processor's own cache. The gradients' weights are computed once more.
/// </summary>
internal abstract unsafe class AttentionMath
{
    private static readonly AttentionMath Float32 = OfWidth<float>();
    private static readonly AttentionMath BFloat16 = OfWidth<ushort>();

    /// <summary>As <see cref="TokenMath.Of"/>.</summary>
    public static AttentionMath? Of(ScalarType type) => TokenNumbers.Choose(type, Float32, BFloat16);

    /// <summary>The same in registers of 512 bits, whatever this processor has.</summary>
    public static AttentionMath Widest { get; } = new AttentionMath<Vector512<float>, Lanes512, float>();

    /// <summary>Numbers that <see cref="Forward"/> computes in, for sequences of so many tokens.</summary>
    public abstract long ForwardRoom(int length, int width);

    /// <summary>The same of <see cref="Backward"/>.</summary>
    public abstract long BackwardRoom(int length, int width);

    /// <summary>Softmax of the scores, times the values, of all query heads of a key head.</summary>
    /// <param name="shape">Its strides and so on.</param>
    /// <param name="length">Tokens.</param>
    /// <param name="query">Of the first token and query head; the others lie beside it.</param>
    /// <param name="key">Of the first token.</param>
    /// <param name="value">As <paramref name="key"/>.</param>
    /// <param name="mixed">As <paramref name="query"/>: the result.</param>
    /// <param name="room">As much as <see cref="ForwardRoom"/> says.</param>
    public abstract void Forward(AttentionShape shape, int length, void* query, void* key, void* value, void* mixed, float* room);

    /// <summary>The gradients of what <see cref="Forward"/> was given, from that of what it gave.</summary>
    /// <param name="shape">As there.</param>
    /// <param name="length">As there.</param>
    /// <param name="query">As there.</param>
    /// <param name="key">As there.</param>
    /// <param name="value">As there.</param>
    /// <param name="ofMixed">The gradient of the result.</param>
    /// <param name="ofQuery">The result, as <paramref name="query"/>.</param>
    /// <param name="ofKey">As <paramref name="key"/>.</param>
    /// <param name="ofValue">As <paramref name="value"/>.</param>
    /// <param name="room">As much as <see cref="BackwardRoom"/> says.</param>
    public abstract void Backward(AttentionShape shape, int length, void* query, void* key, void* value, void* ofMixed, void* ofQuery, void* ofKey, void* ofValue, float* room);

    private static AttentionMath OfWidth<TNumber>()
        where TNumber : unmanaged =>
        Vector512.IsHardwareAccelerated ? new AttentionMath<Vector512<float>, Lanes512, TNumber>() : new AttentionMath<Vector256<float>, Lanes256, TNumber>();
}

/// <summary>The same in registers of one width.</summary>
/// <remarks>
/// The right side of every product lies in panels: so many columns as two registers hold, row by row, one panel after another. The left side is read number by number. A square is six rows of the left side with one panel,
/// twelve registers of sums. What is computed of rows and columns that fill squares and panels up is never looked at; of keys that fill up a panel, which the softmax goes over, the numbers are 0.
/// </remarks>
/// <typeparam name="TVector">A register.</typeparam>
/// <typeparam name="TLanes">What is done with it.</typeparam>
/// <typeparam name="TNumber">How the numbers lie in memory, see <see cref="ILanes{TVector}"/>.</typeparam>
internal sealed unsafe class AttentionMath<TVector, TLanes, TNumber> : AttentionMath
    where TVector : struct
    where TLanes : struct, ILanes<TVector>
    where TNumber : unmanaged
{
    private const int Rows = 6; // of a square

    // Queries at a time: many, so that the sums over them are seldom put down, but not so many that their weights leave the cache.
    private const int MostQueries = 24;
    private const int MostWeights = 1 << 16;

    private static int Panel => 2 * TLanes.Count;

    /// <summary>What is computed in, laid out one after another.</summary>
    private struct Room(float* start)
    {
        private float* _next = start;

        public float* Take(long numbers)
        {
            var taken = _next;
            _next += Up(numbers, TLanes.Count);
            return taken;
        }
    }

    public override long ForwardRoom(int length, int width)
    {
        var (wide, queries, step) = Sizes(length, width);
        return Panels(length, width) + (wide * length) + (queries * width) + (queries * step) + (queries * wide) + (5 * TLanes.Count);
    }

    public override long BackwardRoom(int length, int width)
    {
        var (wide, queries, step) = Sizes(length, width);
        return (2 * Panels(length, width)) + (wide * length) + (2 * (length + Rows) * wide) + (2 * queries * width) + (2 * queries * wide) + (2 * queries * step) + (queries * wide) + (10 * TLanes.Count);
    }

    public override void Forward(AttentionShape shape, int length, void* query, void* key, void* value, void* mixed, float* room)
    {
        var width = shape.Width;
        var place = new Room(room);
        var (wide, queries, step) = Sizes(length, width);
        float* keys = place.Take(Panels(length, width)), values = place.Take(wide * length);
        float* asked = place.Take(queries * width), weights = place.Take(queries * step), sums = place.Take(queries * wide);
        Turn((TNumber*)key, shape.KeyStep, length, width, keys);
        Lay((TNumber*)value, shape.KeyStep, length, width, 1, values);
        for (var head = 0; head < shape.Shared; head++)
        {
            for (var t = 0; t < length; t += queries)
            {
                var span = new Queries(t, Math.Min(queries, length - t), shape.Window);
                Copy((TNumber*)query + ((long)t * shape.QueryStep) + (head * width), shape.QueryStep, span.Count, width, shape.Scale, asked);
                Weigh(span, asked, keys, width, weights, step);
                SumOverKeys(span, weights, step, values, length, wide, sums);
                Put(sums, (int)wide, span.Count, width, 1, (TNumber*)mixed + ((long)t * shape.QueryStep) + (head * width), shape.QueryStep);
            }
        }
    }

    public override void Backward(AttentionShape shape, int length, void* query, void* key, void* value, void* ofMixed, void* ofQuery, void* ofKey, void* ofValue, float* room)
    {
        var width = shape.Width;
        var place = new Room(room);
        var (wide, queries, step) = Sizes(length, width);
        float* keysAcross = place.Take(Panels(length, width)), valuesAcross = place.Take(Panels(length, width)), keys = place.Take(wide * length);
        float* keySums = place.Take((length + Rows) * wide), valueSums = place.Take((length + Rows) * wide);
        float* asked = place.Take(queries * width), arrived = place.Take(queries * width), askedPanels = place.Take(queries * wide), arrivedPanels = place.Take(queries * wide);
        float* weights = place.Take(queries * step), gradients = place.Take(queries * step), sums = place.Take(queries * wide);
        Turn((TNumber*)key, shape.KeyStep, length, width, keysAcross);
        Turn((TNumber*)value, shape.KeyStep, length, width, valuesAcross);
        Lay((TNumber*)key, shape.KeyStep, length, width, 1, keys);
        new Span<float>(keySums, (int)((length + Rows) * wide)).Clear();
        new Span<float>(valueSums, (int)((length + Rows) * wide)).Clear();
        for (var head = 0; head < shape.Shared; head++)
        {
            for (var t = 0; t < length; t += queries)
            {
                // Step 1: the weights once more.
                var span = new Queries(t, Math.Min(queries, length - t), shape.Window);
                var at = ((long)t * shape.QueryStep) + (head * width);
                Copy((TNumber*)query + at, shape.QueryStep, span.Count, width, shape.Scale, asked);
                Lay((TNumber*)query + at, shape.QueryStep, span.Count, width, shape.Scale, askedPanels);
                Copy((TNumber*)ofMixed + at, shape.QueryStep, span.Count, width, 1, arrived);
                Lay((TNumber*)ofMixed + at, shape.QueryStep, span.Count, width, 1, arrivedPanels);
                Weigh(span, asked, keysAcross, width, weights, step);

                // Step 2: the gradients of the scores.
                var (least, most) = (span.From(0), span.To(span.Count - 1) + Rows);
                for (var i = 0; i < span.Count; i += Rows)
                {
                    ForEachKey(span, i, arrived, valuesAcross, width, gradients, step);
                    for (var row = i; row < Math.Min(i + Rows, span.Count); row++)
                    {
                        ScoreGradient(weights + (row * step), gradients + (row * step), span.From(i), span.To(i));
                        // Squares of keys look at more of them.
                        ClearRest(weights + (row * step), span.From(i), span.To(i), least, most);
                        ClearRest(gradients + (row * step), span.From(i), span.To(i), least, most);
                    }
                }

                // Step 3: those of the queries.
                SumOverKeys(span, gradients, step, keys, length, wide, sums);
                Put(sums, (int)wide, span.Count, width, shape.Scale, (TNumber*)ofQuery + at, shape.QueryStep);

                // Step 4: those of keys and values.
                for (var j = least; j < t + span.Count; j += Rows)
                {
                    var (from, count) = span.Seeing(j);
                    for (var panel = 0; panel < wide; panel += Panel)
                    {
                        var right = ((long)panel * span.Count) + (from * Panel);
                        Square(weights + (from * step) + j, 1, (nint)step, arrivedPanels + right, count, valueSums + (j * wide) + panel, (nint)wide, adds: true);
                        Square(gradients + (from * step) + j, 1, (nint)step, askedPanels + right, count, keySums + (j * wide) + panel, (nint)wide, adds: true);
                    }
                }
            }
        }

        Put(keySums, (int)wide, length, width, 1, (TNumber*)ofKey, shape.KeyStep);
        Put(valueSums, (int)wide, length, width, 1, (TNumber*)ofValue, shape.KeyStep);
    }

    private static long Up(long count, int to) => (count + to - 1) / to * to;

    private static long Panels(int length, int width) => Up(length, Panel) * width;

    // A head in whole panels, queries at a time, numbers from one of their rows of weights to the next: with a register between them, or a power of two would take each row to the same lines of the cache.
    private static (long Wide, int Queries, long Step) Sizes(int length, int width)
    {
        var step = Up(length, Panel) + TLanes.Count;
        return (Up(width, Panel), (int)Math.Clamp(MostWeights / step / Rows * Rows, Rows, Math.Min(MostQueries, Up(length, Rows))), step);
    }

    /// <summary>Some queries, and which keys they see: query i of them the keys up to its own.</summary>
    private readonly struct Queries(int start, int count, int window)
    {
        public int Count => count;

        /// <summary>The first key that query i sees.</summary>
        public int First(int i) => Math.Max(0, start + i - window + 1);

        /// <summary>Its own.</summary>
        public int Last(int i) => start + i;

        /// <summary>The first key that is computed for the square from query i on: a panel's first.</summary>
        public int From(int i) => First(i) / Panel * Panel;

        /// <summary>The key after the last one of that square: a panel's end.</summary>
        public int To(int i) => (int)Up(Last(Math.Min(i + Rows, count) - 1) + 1, Panel);

        /// <summary>Which queries see any of the keys j to j + 5.</summary>
        public (int From, int Count) Seeing(int j)
        {
            var from = Math.Clamp(j - start, 0, count);
            var to = (int)Math.Min(count, (long)j + Rows - 1 + window - start);
            return (from, Math.Max(0, to - from));
        }
    }

    /// <summary>What six queries from i on, or their gradients, make with each key, or value, that is computed for them: of rows [n, width] and columns in panels [width, length] to [n, step].</summary>
    private static void ForEachKey(Queries span, int i, float* rows, float* across, int width, float* to, long step)
    {
        for (var panel = span.From(i); panel < span.To(i); panel += Panel) Square(rows + (i * width), width, 1, across + ((long)panel * width), width, to + (i * step) + panel, (nint)step, adds: false);
    }

    /// <summary>Values, or keys, in panels [length, wide], times some queries' weights, or the scores' gradients, [n, step], summed up: to [n, wide].</summary>
    private static void SumOverKeys(Queries span, float* weights, long step, float* values, int length, long wide, float* to)
    {
        for (var i = 0; i < span.Count; i += Rows)
        {
            int from = span.From(i), count = Math.Min(span.To(i), length) - from;
            for (var panel = 0; panel < wide; panel += Panel)
                Square(weights + (i * step) + from, (nint)step, 1, values + ((long)panel * length) + (from * Panel), count, to + (i * wide) + panel, (nint)wide, adds: false);
        }
    }

    /// <summary>The softmax of some queries' scores, [n, step], as far as a square is computed; 0 of keys that a query does not see.</summary>
    private static void Weigh(Queries span, float* asked, float* keysAcross, int width, float* weights, long step)
    {
        for (var i = 0; i < span.Count; i += Rows)
        {
            var (from, to) = (span.From(i), span.To(i));
            ForEachKey(span, i, asked, keysAcross, width, weights, step);
            for (var row = i; row < Math.Min(i + Rows, span.Count); row++)
            {
                var scores = weights + (row * step);
                int first = span.First(row), last = span.Last(row);
                new Span<float>(scores + from, first - from).Fill(float.NegativeInfinity);
                new Span<float>(scores + last + 1, to - last - 1).Fill(float.NegativeInfinity);
                var largest = SoftmaxMath.Largest<TVector, TLanes>(scores, from, to);
                var sum = SoftmaxMath.Exponents<TVector, TLanes>(scores, largest, from, to);
                SoftmaxMath.Multiply<TVector, TLanes>(scores, 1 / sum, from, to);
            }
        }
    }

    /// <summary>p (g - sum(p g)) of a query's weights p, in place of the gradients g that arrive at them.</summary>
    private static void ScoreGradient(float* weights, float* gradients, int from, int to)
    {
        TVector sum = default;
        for (var k = from; k < to; k += TLanes.Count) sum = TLanes.MultiplyAdd(TLanes.Load(weights + k), TLanes.Load(gradients + k), sum);
        var less = TLanes.Fill(-TLanes.Sum(sum));
        for (var k = from; k < to; k += TLanes.Count) TLanes.Store(TLanes.Multiply(TLanes.Load(weights + k), TLanes.Add(TLanes.Load(gradients + k), less)), gradients + k);
    }

    /// <summary>Zeros where a row was not computed, from the first to the last key that any row has.</summary>
    private static void ClearRest(float* row, int from, int to, int least, int most)
    {
        new Span<float>(row + least, from - least).Clear();
        new Span<float>(row + to, most - to).Clear();
    }

    /// <summary>Six rows of a left side with one panel of the right one, [count, panel], to [6, panel], or added to what is there.</summary>
    private static void Square(float* left, nint row, nint step, float* right, int count, float* to, nint toRow, bool adds)
    {
        float* l1 = left + row, l2 = l1 + row, l3 = l2 + row, l4 = l3 + row, l5 = l4 + row;
        float* t1 = to + toRow, t2 = t1 + toRow, t3 = t2 + toRow, t4 = t3 + toRow, t5 = t4 + toRow;
        TVector s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
        if (adds)
        {
            (s00, s01, s10, s11) = (TLanes.Load(to), TLanes.Load(to + TLanes.Count), TLanes.Load(t1), TLanes.Load(t1 + TLanes.Count));
            (s20, s21, s30, s31) = (TLanes.Load(t2), TLanes.Load(t2 + TLanes.Count), TLanes.Load(t3), TLanes.Load(t3 + TLanes.Count));
            (s40, s41, s50, s51) = (TLanes.Load(t4), TLanes.Load(t4 + TLanes.Count), TLanes.Load(t5), TLanes.Load(t5 + TLanes.Count));
        }

        nint at = 0;
        for (var k = 0; k < count; k++, at += step, right += 2 * TLanes.Count)
        {
            TVector r0 = TLanes.Load(right), r1 = TLanes.Load(right + TLanes.Count), l = TLanes.Fill(left[at]);
            s00 = TLanes.MultiplyAdd(l, r0, s00);
            s01 = TLanes.MultiplyAdd(l, r1, s01);
            l = TLanes.Fill(l1[at]);
            s10 = TLanes.MultiplyAdd(l, r0, s10);
            s11 = TLanes.MultiplyAdd(l, r1, s11);
            l = TLanes.Fill(l2[at]);
            s20 = TLanes.MultiplyAdd(l, r0, s20);
            s21 = TLanes.MultiplyAdd(l, r1, s21);
            l = TLanes.Fill(l3[at]);
            s30 = TLanes.MultiplyAdd(l, r0, s30);
            s31 = TLanes.MultiplyAdd(l, r1, s31);
            l = TLanes.Fill(l4[at]);
            s40 = TLanes.MultiplyAdd(l, r0, s40);
            s41 = TLanes.MultiplyAdd(l, r1, s41);
            l = TLanes.Fill(l5[at]);
            s50 = TLanes.MultiplyAdd(l, r0, s50);
            s51 = TLanes.MultiplyAdd(l, r1, s51);
        }

        TLanes.Store(s00, to);
        TLanes.Store(s01, to + TLanes.Count);
        TLanes.Store(s10, t1);
        TLanes.Store(s11, t1 + TLanes.Count);
        TLanes.Store(s20, t2);
        TLanes.Store(s21, t2 + TLanes.Count);
        TLanes.Store(s30, t3);
        TLanes.Store(s31, t3 + TLanes.Count);
        TLanes.Store(s40, t4);
        TLanes.Store(s41, t4 + TLanes.Count);
        TLanes.Store(s50, t5);
        TLanes.Store(s51, t5 + TLanes.Count);
    }

    /// <summary>Rows of a tensor as a left side, [rows, width].</summary>
    private static void Copy(TNumber* x, int xStep, int rows, int width, float scale, float* to)
    {
        for (var row = 0; row < rows; row++) Scaled(x + ((long)row * xStep), width, scale, to + ((long)row * width));
    }

    /// <summary>Rows of a tensor as a right side: [rows, width] in panels of columns.</summary>
    private static void Lay(TNumber* x, int xStep, int rows, int width, float scale, float* to)
    {
        for (var panel = 0; panel < width; panel += Panel)
        {
            var count = Math.Min(Panel, width - panel);
            for (var row = 0; row < rows; row++, to += Panel) Scaled(x + ((long)row * xStep) + panel, count, scale, to);
        }
    }

    private static void Scaled(TNumber* x, int count, float scale, float* to)
    {
        var whole = TokenNumbers.Whole<TVector, TLanes>(count);
        var factor = TLanes.Fill(scale);
        for (var k = 0; k < whole; k += TLanes.Count) TLanes.Store(TLanes.Multiply(TokenNumbers.Load<TVector, TLanes, TNumber>(x + k), factor), to + k);
        for (var k = whole; k < count; k++) to[k] = TokenNumbers.Load<float, OneLane, TNumber>(x + k) * scale;
    }

    /// <summary>Rows of a tensor as a right side of which they are the columns: [width, rows] in panels of rows, zeros after the last.</summary>
    private static void Turn(TNumber* x, int xStep, int rows, int width, float* to)
    {
        for (var panel = 0; panel < rows; panel += Panel, to += (long)Panel * width) PanelMath.Turn(x + ((long)panel * xStep), xStep, Math.Min(Panel, rows - panel), width, to, Panel);
    }

    /// <summary>Sums [rows, sumStep] times a number to rows of a tensor.</summary>
    private static void Put(float* sums, int sumStep, int rows, int width, float scale, TNumber* to, int toStep)
    {
        var whole = TokenNumbers.Whole<TVector, TLanes>(width);
        var factor = TLanes.Fill(scale);
        for (var row = 0; row < rows; row++, sums += sumStep, to += toStep)
        {
            for (var k = 0; k < whole; k += TLanes.Count) TokenNumbers.Store<TVector, TLanes, TNumber>(TLanes.Multiply(TLanes.Load(sums + k), factor), to + k);
            for (var k = whole; k < width; k++) TokenNumbers.Store<float, OneLane, TNumber>(sums[k] * scale, to + k);
        }
    }
}
