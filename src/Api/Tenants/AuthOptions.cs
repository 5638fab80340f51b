namespace ContinualService.Api.Tenants;

/// <summary>Section <c>Auth</c>: how the first tenant gets its key.</summary>
internal sealed class AuthOptions
{
    /// <summary>Key of the tenant <c>default</c>; null or empty: one is made at first start and written to <c>bootstrap-key.txt</c> in the data folder.</summary>
    public string? BootstrapKey { get; set; }
}
