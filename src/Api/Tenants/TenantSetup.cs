using Microsoft.AspNetCore.Authentication;

namespace ContinualService.Api.Tenants;

/// <summary>Registers tenants, keys and the check of keys.</summary>
internal static class TenantSetup
{
    public static IServiceCollection AddTenants(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<AuthOptions>().Bind(configuration.GetSection("Auth"));
        // Not AddAuthentication: that also sets up data protection, which writes keys for cookies to the user's home, and there are no cookies here.
        services.AddAuthenticationCore(options => options.DefaultScheme = ApiKeyHandler.SchemeName);
        services.AddWebEncoders();
        new AuthenticationBuilder(services).AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.SchemeName, null);
        services.AddAuthorization();
        services.AddScoped<TenantFactory>();
        services.AddScoped<TenantKeys>();
        services.AddHostedService<BootstrapTenant>();
        return services;
    }
}
