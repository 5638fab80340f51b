namespace ContinualService.Engine.Inference.Batching;

/// <summary>
/// Waiting sequences, by owner. The next one is of the owner who has been served fewest tokens (virtual token counter, Sheng et al. 2024, arXiv 2401.00588);
/// one who comes back from a pause starts level with the least served of those who are there, so that nobody saves up a claim. Not thread-safe.
/// </summary>
internal sealed class FairQueue
{
    private readonly Dictionary<string, Account> _accounts = [];
    private long _order;

    private sealed class Account
    {
        public long Served { get; set; }
        public int Running { get; set; }
        public LinkedList<(long Order, RunningSequence Sequence)> Waiting { get; } = [];
        public bool Active => Running > 0 || Waiting.Count > 0;
    }

    public int Count { get; private set; }

    public int CountOf(string owner) => _accounts.TryGetValue(owner, out var account) ? account.Waiting.Count : 0;

    public void Add(RunningSequence sequence)
    {
        AccountOf(sequence).Waiting.AddLast((_order++, sequence));
        Count++;
    }

    /// <summary>Back to the head of its owner's line: it was running and gave its room to others.</summary>
    public void Return(RunningSequence sequence)
    {
        var account = AccountOf(sequence);
        account.Waiting.AddFirst((_order++, sequence));
        account.Running--;
        Count++;
    }

    /// <summary>The first of each owner's line, in the order in which they should be admitted.</summary>
    public List<RunningSequence> Heads() =>
    [
        .. _accounts.Values.Where(account => account.Waiting.Count > 0).OrderBy(account => account.Served).ThenBy(account => account.Waiting.First!.Value.Order)
            .Select(account => account.Waiting.First!.Value.Sequence),
    ];

    public List<RunningSequence> All() => [.. _accounts.Values.SelectMany(account => account.Waiting.Select(item => item.Sequence))];

    /// <summary>Takes a sequence out of the line.</summary>
    /// <param name="admitted">It runs now, and <see cref="Ended"/> will be called for it.</param>
    public void Remove(RunningSequence sequence, bool admitted)
    {
        var account = _accounts[sequence.Request.Owner];
        for (var node = account.Waiting.First; node is not null; node = node.Next)
        {
            if (!ReferenceEquals(node.Value.Sequence, sequence)) continue;
            account.Waiting.Remove(node);
            break;
        }

        Count--;
        if (admitted) account.Running++;
        Forget(sequence.Request.Owner, account);
    }

    /// <summary>Charges an owner for tokens that went through the model.</summary>
    public void Charge(string owner, int tokens) => _accounts[owner].Served += tokens;

    public void Ended(RunningSequence sequence)
    {
        var account = _accounts[sequence.Request.Owner];
        account.Running--;
        Forget(sequence.Request.Owner, account);
    }

    private Account AccountOf(RunningSequence sequence)
    {
        var owner = sequence.Request.Owner;
        if (_accounts.TryGetValue(owner, out var account)) return account;
        var level = _accounts.Values.Select(other => other.Served).DefaultIfEmpty(0).Min();
        return _accounts[owner] = new Account { Served = level };
    }

    // The accounts are of those who are there alone: the table stays small however many tenants come and go.
    private void Forget(string owner, Account account)
    {
        if (!account.Active) _accounts.Remove(owner);
    }
}
