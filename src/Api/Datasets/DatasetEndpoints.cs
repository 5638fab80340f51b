using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tenants;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Datasets;

/// <summary>Routes of data sets.</summary>
internal static class DatasetEndpoints
{
    private const int LongestName = 200;
    private const string Example =
        """{"name": "routing", "examples": [{"prompt": "Where is my parcel?", "completion": "delivery"}, {"prompt": "I was charged twice.", "completion": "billing"}]}""";

    private static readonly FormShape Form = new(["name"], [], ["file"]);

    public static IServiceCollection AddDatasets(this IServiceCollection services) => services.AddScoped<RowReader>().AddScoped<DatasetStore>();

    public static void MapDatasets(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/datasets").WithTags("Datasets").RequireAuthorization();
        group.MapPost("", CreateAsync).WithName("CreateDataset").Accepts<CreateDatasetRequest>("application/json", "multipart/form-data")
            .Produces<DatasetResponse>(StatusCodes.Status201Created).WithMetadata(new DocumentedBody(Example, Form));
        group.MapGet("", ListAsync).WithName("ListDatasets").Produces<Page<DatasetResponse>>().WithMetadata(DocumentedParameter.Paging);
        group.MapGet("/{id}", GetAsync).WithName("GetDataset").Produces<DatasetResponse>();
    }

    /// <summary>Validates rows whole and stores them, from a file (JSONL, CSV) or inline.</summary>
    private static async Task<IResult> CreateAsync(
        HttpRequest request, ServiceDbContext database, DatasetStore store, CancellationToken cancellationToken)
    {
        if ((await RequestBody.ReadAsync(request, Form, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        var errors = new List<FieldError>();
        var fields = StrictJson.Bind<CreateDatasetRequest>(body.Fields, errors);
        if (fields.Name is { Length: 0 or > LongestName }) errors.Add(new(null, "name", "The name is empty or too long.", $"Use 1 to {LongestName} characters."));
        var file = body.Files.GetValueOrDefault("file");
        if (file is null == fields.Examples is null)
            errors.Add(new(null, "file", "There must be exactly one source of rows.", "Send a multipart part `file`, or JSON with `examples`."));
        if (errors.Count > 0) return Problem.Invalid(errors);

        var read = file is not null ? RowReader.FromFile(file, "file") : RowReader.FromInline(fields.Examples!, "examples");
        if (read.Failed(out var problem, out var rows)) return problem;
        var dataset = await store.PutAsync(
            request.HttpContext.User.Tenant(), fields.Name ?? rows.Name, rows.Format, rows.Examples, rows.DuplicateRows, cancellationToken);
        database.Datasets.Add(dataset);
        database.Record(Caller.Of(request.HttpContext.User), "dataset.create", dataset.Id, dataset.CreatedAt);
        await database.SaveChangesAsync(cancellationToken);
        return TypedResults.Created($"/datasets/{dataset.Id}", DatasetResponse.Of(dataset));
    }

    /// <summary>Lists your data sets, newest first.</summary>
    private static async Task<IResult> ListAsync(HttpRequest request, ServiceDbContext database, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var problem, out var paging)) return problem;
        var tenant = request.HttpContext.User.Tenant();
        var query = database.Datasets.AsNoTracking().Where(row => row.TenantId == tenant);
        if (paging.Cursor is { } cursor) query = query.Where(row => string.Compare(row.Id, cursor) < 0);
        var rows = await query.OrderByDescending(row => row.Id).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(paging.Cut(rows, row => row.Id, DatasetResponse.Of));
    }

    /// <summary>Shows a data set: rows, duplicates, digest.</summary>
    private static async Task<IResult> GetAsync(string id, HttpContext http, ServiceDbContext database, CancellationToken cancellationToken)
    {
        var tenant = http.User.Tenant();
        var dataset = await database.Datasets.AsNoTracking().FirstOrDefaultAsync(row => row.TenantId == tenant && row.Id == id, cancellationToken);
        if (dataset is null) return Problem.NotFound($"The data set '{id}'", "GET /datasets lists yours.");
        return TypedResults.Ok(DatasetResponse.Of(dataset));
    }
}
