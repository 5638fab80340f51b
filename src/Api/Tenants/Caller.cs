using System.Security.Claims;

namespace ContinualService.Api.Tenants;

/// <summary>Whose request it is, and with which key.</summary>
internal sealed record Caller(string TenantId, string KeyId)
{
    public static Caller Of(ClaimsPrincipal user) => new(user.Tenant(), user.FindFirstValue(TenantClaims.KeyId)!);
}
