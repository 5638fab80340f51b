using ContinualService.Engine.Kernels;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ContinualService.Engine.Lora;

/// <summary>
/// The adapters of one batch side by side: per layer all A as [S * R, in] and all B as [S * R, out], S slots of R rows. A step multiplies by the slots in use
/// at once and blanks, for each token, what is not its own adapter's; so the cost of a step hardly depends on how many adapters it mixes.
/// Adapters of a smaller rank, and layers that an adapter leaves out, are filled with zeros. Belongs to one thread at a time.
/// </summary>
public sealed class LoraTable : IDisposable
{
    private readonly Decoder _decoder;
    private readonly CpuKernels? _kernels;
    private readonly Slot[] _slots;
    private readonly Tensor?[] _down; // per layer [S * R, in]; null while no adapter had this layer
    private readonly Tensor?[] _up; // per layer [S * R, out], with the scale in it
    private readonly (nint, nint)?[] _pointers; // of both, where there are kernels
    private long _clock;

    private sealed class Slot
    {
        public string? Digest { get; set; }
        public LoraWeights? Weights { get; set; }
        public long Generation { get; set; }
        public int Users { get; set; }
        public long LastUse { get; set; }
    }

    /// <param name="decoder">Gives shapes, dtype and device.</param>
    /// <param name="slots">S, the most adapters in one batch.</param>
    public LoraTable(Decoder decoder, int slots)
        : this(decoder, slots, null)
    {
    }

    /// <inheritdoc cref="LoraTable(Decoder, int)"/>
    /// <param name="decoder">As there.</param>
    /// <param name="slots">As there.</param>
    /// <param name="kernels">For a few tokens in float32 on the CPU; null: general products.</param>
    internal LoraTable(Decoder decoder, int slots, CpuKernels? kernels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(slots, 1);
        (_decoder, _kernels) = (decoder, kernels);
        _slots = [.. Enumerable.Range(0, slots).Select(_ => new Slot())];
        _down = new Tensor?[decoder.Linears.Count];
        _up = new Tensor?[decoder.Linears.Count];
        _pointers = new (nint, nint)?[decoder.Linears.Count];
    }

    /// <summary>R, the rows of a slot: the largest rank so far.</summary>
    public int Rank { get; private set; }

    /// <summary>How often weights were copied into a slot.</summary>
    public long Loads { get; private set; }

    /// <summary>Slots that hold an adapter.</summary>
    public int Filled => _slots.Count(slot => slot.Digest is not null);

    /// <summary>
    /// The slot of the adapter with this digest, filled where it is not there yet; null where every slot is in use by others. Give it back with <see cref="Release"/>;
    /// until then <paramref name="weights"/> must live.
    /// </summary>
    /// <param name="digest">What makes the weights what they are: a name would not do, it can move to other weights.</param>
    /// <exception cref="ModelFormatException">The weights hold a value that is not finite: it would spoil the products of its neighbours.</exception>
    public LoraSlot? Acquire(string digest, LoraWeights weights)
    {
        var index = Array.FindIndex(_slots, slot => slot.Digest == digest);
        if (index < 0)
        {
            index = Free();
            if (index < 0) return null;
            Fill(index, digest, weights);
        }

        var found = _slots[index];
        found.Users++;
        found.LastUse = ++_clock;
        found.Weights = weights;
        return new LoraSlot(index, found.Generation, digest);
    }

    public void Release(LoraSlot slot)
    {
        Check(slot);
        var released = _slots[slot.Index];
        released.Users--;
        // Others' weights may be gone by the time the table grows: only what is in use is copied then.
        if (released.Users == 0) released.Weights = null;
    }

    /// <summary>What to add in a step whose tokens belong to these slots; null where none of them has an adapter.</summary>
    /// <param name="spans">Neighbouring tokens of one adapter, in the order of the batch, covering it; a null slot means the base model alone.</param>
    /// <exception cref="InvalidOperationException">A slot holds another adapter than when it was acquired.</exception>
    public LinearUpdate? Select(IReadOnlyList<(LoraSlot? Slot, int Count)> spans)
    {
        foreach (var (slot, _) in spans)
            if (slot is not null) Check(slot);
        return spans.All(span => span.Slot is null) ? null : new TableUpdate(this, spans);
    }

    /// <summary>The slot of each token, -1 without an adapter; null where none has one. The spans are those of <see cref="Select"/>.</summary>
    internal int[]? SlotsOf(IReadOnlyList<(LoraSlot? Slot, int Count)> spans)
    {
        foreach (var (slot, _) in spans)
            if (slot is not null) Check(slot);
        return spans.All(span => span.Slot is null) ? null : OfTokens(spans);
    }

    private static int[] OfTokens(IEnumerable<(LoraSlot? Slot, int Count)> spans) => [.. spans.SelectMany(span => Enumerable.Repeat(span.Slot?.Index ?? -1, span.Count))];

    /// <summary>Where a layer's A [S * R, in] and B [S * R, out] begin; null while no adapter had this layer.</summary>
    internal (nint Down, nint Up)? PointersOf(int site) => _pointers[site];

    public void Dispose()
    {
        foreach (var tensor in _down.Concat(_up)) tensor?.Dispose();
    }

    private void Check(LoraSlot slot)
    {
        var held = _slots[slot.Index];
        if (held.Generation != slot.Generation || held.Digest != slot.Digest)
            throw new InvalidOperationException($"Slot {slot.Index} holds the adapter {held.Digest}, not {slot.Digest}; the step is refused.");
    }

    /// <summary>An empty slot, else the one unused for longest; -1 where all are in use. Low ones first: a step multiplies by a range of slots.</summary>
    private int Free()
    {
        var empty = Array.FindIndex(_slots, slot => slot.Digest is null);
        if (empty >= 0) return empty;
        var oldest = -1;
        for (var index = 0; index < _slots.Length; index++)
            if (_slots[index].Users == 0 && (oldest < 0 || _slots[index].LastUse < _slots[oldest].LastUse)) oldest = index;
        return oldest;
    }

    private void Fill(int index, string digest, LoraWeights weights)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var pair in weights.Pairs)
        {
            // As it will lie in the table: the scale, or a narrower dtype, may overflow.
            if (!IsFinite(pair.A) || !IsFinite(pair.B.mul(pair.Scale)))
                throw new ModelFormatException($"The LoRA of {pair.Site.Path} holds a value that is not finite. Such an adapter is not served; roll back to an earlier version.");
        }

        var rank = weights.Pairs.Count == 0 ? 1 : weights.Pairs.Max(pair => (int)pair.A.shape[0]);
        if (rank > Rank) Widen(rank);
        for (var site = 0; site < _down.Length; site++)
        {
            var pair = weights.At(site);
            if (pair is null && _down[site] is null) continue;
            _down[site] ??= zeros([_slots.Length * Rank, _decoder.Linears[site].InFeatures], _decoder.DType, _decoder.Device).DetachFromDisposeScope();
            _up[site] ??= zeros([_slots.Length * Rank, _decoder.Linears[site].OutFeatures], _decoder.DType, _decoder.Device).DetachFromDisposeScope();
            if (_kernels is not null) _pointers[site] ??= (CpuKernels.Address(_down[site]!), CpuKernels.Address(_up[site]!));
            var (down, up) = (_down[site]!.narrow(0, index * Rank, Rank).zero_(), _up[site]!.narrow(0, index * Rank, Rank).zero_());
            if (pair is null) continue;
            var own = pair.A.shape[0];
            down.narrow(0, 0, own).copy_(pair.A);
            up.narrow(0, 0, own).copy_(pair.B.t().mul(pair.Scale));
        }

        var slot = _slots[index];
        (slot.Digest, slot.Generation) = (digest, ++_clock);
        Loads++;
    }

    private bool IsFinite(Tensor values) => values.to(_decoder.DType).isfinite().all().ToBoolean();

    /// <summary>Gives every slot more rows. What is in use is copied anew from its weights; the rest is forgotten.</summary>
    private void Widen(int rank)
    {
        Rank = rank;
        for (var site = 0; site < _down.Length; site++)
        {
            _down[site]?.Dispose();
            _up[site]?.Dispose();
            (_down[site], _up[site], _pointers[site]) = (null, null, null);
        }

        for (var index = 0; index < _slots.Length; index++)
        {
            var slot = _slots[index];
            if (slot.Weights is { } weights)
            {
                var generation = slot.Generation;
                Fill(index, slot.Digest!, weights);
                slot.Generation = generation; // the same adapter as before
            }
            else
            {
                (slot.Digest, slot.Generation) = (null, ++_clock);
            }
        }
    }

    private sealed class TableUpdate : LinearUpdate
    {
        // Shorter neighbours are multiplied together and blanked; a longer piece is worth a product of its own.
        private const int LongSpan = 16;

        private readonly LoraTable _table;
        private readonly List<Part> _parts = [];

        /// <summary>
        /// Tokens <paramref name="Start"/> to <paramref name="Start"/> + <paramref name="Count"/>, and the slots that they use. Blank: bool [Count, Slots * R], null where there is
        /// one slot. OfRow: each token's slot, -1 without an adapter, where kernels take the part.
        /// </summary>
        private sealed record Part(int Start, int Count, int FirstSlot, int Slots, Tensor? Blank, int[]? OfRow);

        public TableUpdate(LoraTable table, IReadOnlyList<(LoraSlot? Slot, int Count)> spans)
        {
            _table = table;
            var (start, pending) = (0, new List<(LoraSlot? Slot, int Count)>());
            foreach (var span in spans)
            {
                if (span.Count >= LongSpan)
                {
                    Close(pending, start);
                    start += pending.Sum(item => item.Count);
                    pending.Clear();
                    Close([span], start);
                    start += span.Count;
                }
                else
                {
                    pending.Add(span);
                }
            }

            Close(pending, start);
        }

        internal override Tensor AddTo(Tensor y, Tensor x, int site)
        {
            if (_table._down[site] is not { } down) return y;
            var up = _table._up[site]!;
            var whole = x.shape[0];
            foreach (var part in _parts)
            {
                if (part.OfRow is { } slots)
                {
                    _table._kernels!.AddLowRank(y, x, part.Start, slots, down, up, _table.Rank);
                    continue;
                }

                var (first, rows) = (part.FirstSlot * _table.Rank, part.Slots * _table.Rank);
                var input = part.Count == whole ? x : x.narrow(0, part.Start, part.Count);
                var low = linear(input, down.narrow(0, first, rows)); // [Count, Slots * R]
                // Blanked, not multiplied by zero: an overflow in one adapter stays out of the others' tokens.
                if (part.Blank is { } blank) low.masked_fill_(blank, 0);
                var output = part.Count == whole ? y : y.narrow(0, part.Start, part.Count);
                output.addmm_(low, up.narrow(0, first, rows), 1, 1);
            }

            return y;
        }

        private void Close(List<(LoraSlot? Slot, int Count)> spans, int start)
        {
            if (spans.All(span => span.Slot is null)) return;
            var slots = spans.Where(span => span.Slot is not null).Select(span => span.Slot!.Index).ToList();
            var (first, last, count) = (slots.Min(), slots.Max(), spans.Sum(span => span.Count));
            var byRow = _table._kernels is not null && spans.All(span => span.Count < LongSpan);
            _parts.Add(new Part(start, count, first, last - first + 1, byRow ? null : Blank(spans, first, last - first + 1, count), byRow ? OfTokens(spans) : null));
        }

        private Tensor? Blank(List<(LoraSlot? Slot, int Count)> spans, int first, int slots, int count)
        {
            if (slots == 1 && spans.All(span => span.Slot is not null)) return null;
            var (row, rank, blank) = (0, _table.Rank, new bool[count * slots * _table.Rank]);
            Array.Fill(blank, true);
            foreach (var (slot, tokens) in spans)
            {
                for (var token = 0; token < tokens; token++, row++)
                    if (slot is not null) Array.Fill(blank, false, ((row * slots) + slot.Index - first) * rank, rank);
            }

            return tensor(blank, [count, slots * rank], device: _table._decoder.Device);
        }
    }
}
