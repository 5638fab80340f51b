using System.Net;
using System.Text.Json.Nodes;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tenants;
using ContinualService.Domain;
using ContinualService.Domain.Webhooks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Webhooks;

/// <summary>Routes of webhooks.</summary>
internal static class WebhookEndpoints
{
    private const int MostOfATenant = 20;
    private const int LongestUrl = 2000;
    private const string Example = """{"url": "https://example.com/hooks", "events": ["fine_tuning.job.succeeded", "fine_tuning.job.failed"]}""";
    private static readonly TimeSpan Overlap = TimeSpan.FromHours(24);

    public static IServiceCollection AddWebhooks(this IServiceCollection services)
    {
        services.AddOptions<WebhookOptions>().BindConfiguration(WebhookOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        return services.AddSingleton<WebhookSender>().AddHostedService<WebhookDeliverer>();
    }

    public static void MapWebhooks(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/webhooks").WithTags("Webhooks").RequireAuthorization();
        group.MapPost("", CreateAsync).WithName("CreateWebhook").Accepts<CreateWebhookRequest>("application/json")
            .Produces<WebhookResponse>(StatusCodes.Status201Created).WithMetadata(new DocumentedBody(Example), DocumentedStatus.Conflict);
        group.MapGet("", ListAsync).WithName("ListWebhooks").Produces<Page<WebhookResponse>>().WithMetadata(DocumentedParameter.Paging);
        group.MapGet("/{id}", GetAsync).WithName("GetWebhook").Produces<WebhookResponse>();
        group.MapDelete("/{id}", DeleteAsync).WithName("DeleteWebhook").Produces(StatusCodes.Status204NoContent);
        group.MapPost("/{id}/rotate", RotateAsync).WithName("RotateWebhookSecret").Produces<WebhookResponse>();
        group.MapGet("/{id}/deliveries", DeliveriesAsync).WithName("ListDeliveries").Produces<Page<DeliveryResponse>>().WithMetadata(DocumentedParameter.Paging);
        group.MapPost("/{id}/deliveries/{deliveryId}/redeliver", RedeliverAsync).WithName("Redeliver").Produces<DeliveryResponse>(StatusCodes.Status202Accepted);
    }

    /// <summary>Makes a webhook; its secret is in this answer and in no later one.</summary>
    private static async Task<IResult> CreateAsync(HttpRequest http, ServiceDbContext database, IOptions<WebhookOptions> options, TimeProvider time, CancellationToken cancellationToken)
    {
        if ((await RequestBody.ReadAsync(http, form: null, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        var errors = new List<FieldError>();
        var request = StrictJson.Bind<CreateWebhookRequest>(body.Fields, errors);
        CheckUrl(request.Url, options.Value.AllowPrivateAddresses, errors);
        var events = Events(request.Events, errors);
        if (errors.Count > 0) return Problem.Invalid(errors);

        var caller = Caller.Of(http.HttpContext.User);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.LockTenantAsync(caller.TenantId, cancellationToken);
        if (await database.Webhooks.CountAsync(row => row.TenantId == caller.TenantId, cancellationToken) >= MostOfATenant)
            return new Problem(ProblemTypes.WrongState, $"There are {MostOfATenant} webhooks, and there can be no more. DELETE one that is of no more use.");
        var now = time.GetUtcNow();
        var webhook = new Webhook
        {
            Id = Ids.New("whk"),
            TenantId = caller.TenantId,
            Url = request.Url!,
            Events = string.Join(' ', events),
            Secret = WebhookSignature.NewSecret(),
            CreatedAt = now,
        };
        database.Webhooks.Add(webhook);
        database.Record(caller, "webhook.create", webhook.Id, now);
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return TypedResults.Created($"/webhooks/{webhook.Id}", WebhookResponse.Of(webhook, webhook.Secret));
    }

    /// <summary>Lists your webhooks, newest first.</summary>
    private static async Task<IResult> ListAsync(HttpRequest request, ServiceDbContext database, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var problem, out var paging)) return problem;
        var query = Of(database, request.HttpContext).AsNoTracking();
        if (paging.Cursor is { } cursor) query = query.Where(row => string.Compare(row.Id, cursor) < 0);
        var rows = await query.OrderByDescending(row => row.Id).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(paging.Cut(rows, row => row.Id, WebhookResponse.Of));
    }

    /// <summary>Shows a webhook, without its secret.</summary>
    private static async Task<IResult> GetAsync(string id, HttpContext http, ServiceDbContext database, CancellationToken cancellationToken) =>
        await Of(database, http).AsNoTracking().FirstOrDefaultAsync(row => row.Id == id, cancellationToken) is { } webhook ? TypedResults.Ok(WebhookResponse.Of(webhook)) : NotFound(id);

    /// <summary>Deletes a webhook, with what was on its way to it.</summary>
    private static async Task<IResult> DeleteAsync(string id, HttpContext http, ServiceDbContext database, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await Of(database, http).FirstOrDefaultAsync(row => row.Id == id, cancellationToken) is not { } webhook) return NotFound(id);
        database.Webhooks.Remove(webhook);
        database.Record(Caller.Of(http.User), "webhook.delete", id, time.GetUtcNow());
        await database.SaveChangesAsync(cancellationToken);
        return TypedResults.NoContent();
    }

    /// <summary>Gives a webhook a new secret, which is in this answer alone; for a day the old one signs beside it.</summary>
    private static async Task<IResult> RotateAsync(string id, HttpContext http, ServiceDbContext database, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await Of(database, http).FirstOrDefaultAsync(row => row.Id == id, cancellationToken) is not { } webhook) return NotFound(id);
        var now = time.GetUtcNow();
        (webhook.PreviousSecret, webhook.PreviousSecretUntil, webhook.Secret) = (webhook.Secret, now + Overlap, WebhookSignature.NewSecret());
        database.Record(Caller.Of(http.User), "webhook.rotate", id, now);
        await database.SaveChangesAsync(cancellationToken);
        return TypedResults.Ok(WebhookResponse.Of(webhook, webhook.Secret));
    }

    /// <summary>Lists what became of the events that a webhook was to be told, newest first.</summary>
    private static async Task<IResult> DeliveriesAsync(string id, HttpRequest request, ServiceDbContext database, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var problem, out var paging)) return problem;
        if (!await Of(database, request.HttpContext).AnyAsync(row => row.Id == id, cancellationToken)) return NotFound(id);
        var query = database.WebhookDeliveries.AsNoTracking().Where(row => row.WebhookId == id);
        if (paging.Cursor is { } cursor) query = query.Where(row => string.Compare(row.Id, cursor) < 0);
        var rows = await query.OrderByDescending(row => row.Id).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(paging.Cut(rows, row => row.Id, DeliveryResponse.Of));
    }

    /// <summary>Sends an event once more, delivered or not, with as many attempts as a new one has.</summary>
    private static async Task<IResult> RedeliverAsync(string id, string deliveryId, HttpContext http, ServiceDbContext database, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!await Of(database, http).AnyAsync(row => row.Id == id, cancellationToken)) return NotFound(id);
        if (await database.WebhookDeliveries.FirstOrDefaultAsync(row => row.WebhookId == id && row.Id == deliveryId, cancellationToken) is not { } delivery)
            return Problem.NotFound($"The delivery '{deliveryId}'", $"GET /webhooks/{id}/deliveries lists them.");
        (delivery.Attempts, delivery.NextAttemptAt, delivery.DeliveredAt) = (0, time.GetUtcNow(), null);
        database.Record(Caller.Of(http.User), "webhook.redeliver", deliveryId, time.GetUtcNow());
        await database.SaveChangesAsync(cancellationToken);
        return TypedResults.Accepted($"/webhooks/{id}/deliveries", DeliveryResponse.Of(delivery));
    }

    private static IQueryable<Webhook> Of(ServiceDbContext database, HttpContext http)
    {
        var tenantId = http.User.Tenant();
        return database.Webhooks.Where(row => row.TenantId == tenantId);
    }

    private static Problem NotFound(string id) => Problem.NotFound($"The webhook '{id}'", "GET /webhooks lists yours.");

    private static void CheckUrl(string? text, bool allowPrivate, List<FieldError> errors)
    {
        var fit = text is { Length: <= LongestUrl } && Uri.TryCreate(text, UriKind.Absolute, out var url) && url.UserInfo.Length == 0 && url.Fragment.Length == 0
            && (url.Scheme == Uri.UriSchemeHttps || (allowPrivate && url.Scheme == Uri.UriSchemeHttp)) && MayBePublic(url, allowPrivate);
        if (!fit) errors.Add(new FieldError(null, "url", "The address is missing, or not one that events may be sent to.", "Send an absolute https address of a public host, without user, password or fragment."));
    }

    // Names are looked at when they are resolved, at each delivery.
    private static bool MayBePublic(Uri url, bool allowPrivate) => allowPrivate || !IPAddress.TryParse(url.IdnHost, out var address) || AddressGuard.IsPublic(address);

    private static IReadOnlyList<string> Events(JsonArray? sent, List<FieldError> errors)
    {
        if (sent is null) return WebhookTypes.All;
        var names = sent.Select(node => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null).ToList();
        if (names.Count == 0 || names.Any(name => name is null || !WebhookTypes.All.Contains(name)))
            errors.Add(new FieldError(null, "events", "There is an event that does not exist, or none.", $"Send some of: {string.Join(", ", WebhookTypes.All)}; leave the field out for all."));
        return [.. WebhookTypes.All.Where(names.Contains)];
    }
}
