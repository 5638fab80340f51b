using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using ContinualService.Api.Errors;
using ContinualService.Infrastructure.Database;
using Microsoft.AspNetCore.Authentication;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Tenants;

/// <summary>Turns <c>Authorization: Bearer</c> or <c>X-Api-Key</c> into the tenant who holds the key.</summary>
internal sealed class ApiKeyHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, ServiceDbContext database)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "ApiKey";
    private const string Bearer = "Bearer ";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (PresentedKey() is not { } key) return AuthenticateResult.NoResult();
        var hash = ApiKeySecret.Hash(key);
        var row = await database.ApiKeys.AsNoTracking()
            .Where(stored => stored.KeyHash == hash && stored.RevokedAt == null)
            .FirstOrDefaultAsync(Context.RequestAborted);
        // The index search compares hashes, which tell nothing about the key; the last word is still a comparison of constant time.
        if (row is null || !CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(row.KeyHash), Encoding.ASCII.GetBytes(hash)))
            return AuthenticateResult.Fail("The key is not known.");
        var identity = new ClaimsIdentity([new Claim(TenantClaims.TenantId, row.TenantId), new Claim(TenantClaims.KeyId, row.Id)], Scheme.Name);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme.Name));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var presented = PresentedKey() is not null;
        Response.Headers.WWWAuthenticate = presented ? "Bearer realm=\"continual-service\", error=\"invalid_token\"" : "Bearer realm=\"continual-service\"";
        var reason = presented ? "The key is not known or was revoked." : "The request carries no key.";
        return new Problem(ProblemTypes.Unauthorized, $"{reason} Send `Authorization: Bearer <key>` or `X-Api-Key: <key>`; the operator hands out keys.")
            .ExecuteAsync(Context);
    }

    private string? PresentedKey()
    {
        var authorization = Request.Headers.Authorization.ToString();
        if (authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)) return authorization[Bearer.Length..].Trim();
        return Request.Headers["X-Api-Key"].ToString() is { Length: > 0 } key ? key : null;
    }
}
