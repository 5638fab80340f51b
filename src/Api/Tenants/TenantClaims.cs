using System.Security.Claims;

namespace ContinualService.Api.Tenants;

/// <summary>What a request's key says about its sender.</summary>
internal static class TenantClaims
{
    public const string TenantId = "tenant";
    public const string KeyId = "key";

    /// <summary>The tenant of an authenticated request. Every query names it in its WHERE, so that another tenant's row is simply not there.</summary>
    public static string Tenant(this ClaimsPrincipal user) =>
        user.FindFirstValue(TenantId) ?? throw new InvalidOperationException("The route must require authorization.");
}
