using Xunit;

namespace ContinualService.Engine.Tests.Training;

/// <summary>Tests that count live tensors: the count is the whole process's, so nothing may run beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LedgerCollection
{
    public const string Name = "ledger";
}
