namespace ContinualService.Api.Adapters;

/// <summary>What of an adapter can change.</summary>
public sealed class ChangeAdapterRequest
{
    /// <summary>Replaces the gate whole; null takes it away. It holds for tasks that start afterwards.</summary>
    public GateRequest? Gate { get; init; }
}
