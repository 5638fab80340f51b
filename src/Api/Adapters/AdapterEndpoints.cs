using System.Globalization;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tenants;
using ContinualService.Domain.Adapters;
using ContinualService.Domain.Tasks;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Adapters;

/// <summary>Routes of adapters and their versions.</summary>
internal static class AdapterEndpoints
{
    private const string Example =
        """{"name": "support-bot", "model": "tiny-llama", "rank": 8, "alpha": 16, "targetModules": "all-linear", "method": "slao", "methodOptions": {}, "gate": null}""";

    private const string ImportExample = """{"name": "support-bot", "model": "tiny-llama", "tasksLearned": "3"}""";

    private const string DriftExample = """{"scoreDrop": 0.05, "canaryKl": 0.5, "canaryPrompts": ["Which team takes this message?\nMy parcel has not arrived."]}""";

    private const string VersionExample = """{"version": 3}""";
    private const string GateExample = """{"gate": {"largestForgetting": 0.05, "leastGain": 0.02, "onFail": "largestLambda"}}""";
    private const string OverrideExample = """{"reason": "The rows that broke are of a product that we no longer sell."}""";
    private static readonly FormShape ImportForm = new(["name", "model", "method", "tasksLearned", "sameBase"], ["methodOptions"], [ImportAdapter.ArchivePart, ImportAdapter.StatePart]);

    public static IServiceCollection AddAdapters(this IServiceCollection services) =>
        services.AddScoped<AdapterNames>().AddScoped<CreateAdapter>().AddScoped<ImportAdapter>().AddScoped<DeleteAdapter>().AddScoped<PinAdapter>().AddScoped<SetDrift>().AddScoped<MoveAlias>().AddScoped<ChangeAdapter>().AddScoped<OverrideGate>().AddScoped<VersionDownload>().AddScoped<MatrixReader>();

    public static void MapAdapters(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/adapters").WithTags("Adapters").RequireAuthorization();
        group.MapPost("", CreateAsync).WithName("CreateAdapter").Accepts<CreateAdapterRequest>("application/json")
            .Produces<AdapterResponse>(StatusCodes.Status201Created).WithMetadata(new DocumentedBody(Example), DocumentedStatus.Conflict);
        group.MapPost("/import", ImportAsync).WithName("ImportAdapter").Accepts<ImportAdapterRequest>("multipart/form-data")
            .Produces<AdapterResponse>(StatusCodes.Status201Created).WithMetadata(new DocumentedBody(ImportExample, ImportForm), DocumentedStatus.Conflict);
        group.MapGet("", ListAsync).WithName("ListAdapters").Produces<Page<AdapterResponse>>().WithMetadata(DocumentedParameter.Paging);
        group.MapGet("/{id}", GetAsync).WithName("GetAdapter").Produces<AdapterResponse>();
        group.MapPatch("/{id}", ChangeAsync).WithName("ChangeAdapter").Accepts<ChangeAdapterRequest>("application/json").Produces<AdapterResponse>().WithMetadata(new DocumentedBody(GateExample));
        group.MapDelete("/{id}", DeleteAsync).WithName("DeleteAdapter").Produces(StatusCodes.Status204NoContent).WithMetadata(DocumentedStatus.Conflict);
        group.MapPut("/{id}/drift", SetDriftAsync).WithName("SetDrift").Accepts<DriftSettings>("application/json").Produces<AdapterResponse>().WithMetadata(new DocumentedBody(DriftExample));
        group.MapPut("/{id}/pin", PinAsync).WithName("PinAdapter").Produces<AdapterResponse>().WithMetadata(DocumentedStatus.Conflict);
        group.MapDelete("/{id}/pin", UnpinAsync).WithName("UnpinAdapter").Produces(StatusCodes.Status204NoContent);
        group.MapGet("/{id}/versions", ListVersionsAsync).WithName("ListVersions").Produces<Page<VersionResponse>>().WithMetadata(DocumentedParameter.Paging);
        group.MapGet("/{id}/versions/{number:int}", GetVersionAsync).WithName("GetVersion").Produces<VersionResponse>().Produces(StatusCodes.Status304NotModified);
        group.MapGet("/{id}/versions/{number:int}/download", DownloadAsync).WithName("DownloadVersion")
            .Produces<Stream>(StatusCodes.Status200OK, "application/zip", "application/x-tar", "application/octet-stream")
            .WithMetadata(
                new DocumentedParameter("format", "peft (default): zip of the PEFT files; merged: tar of the base with the LoRA merged in; gguf: LoRA file of llama.cpp; ollama: zip of that file with a Modelfile; state: the training state as safetensors.", false, VersionDownload.Formats),
                new DocumentedParameter("from", "What Ollama calls the base, for format=ollama; default the base's name here.", false),
                new DocumentedStatus(StatusCodes.Status304NotModified, "You have it already: If-None-Match names its ETag."),
                new DocumentedStatus(StatusCodes.Status206PartialContent, "The part that Range asks for; merged is not sent in parts."),
                new DocumentedStatus(StatusCodes.Status416RangeNotSatisfiable, "It has no such part."),
                DocumentedStatus.Conflict);
        group.MapPost("/{id}/versions/{number:int}/override", OverrideAsync).WithName("OverrideGate").Accepts<OverrideRequest>("application/json").Produces<VersionResponse>()
            .WithMetadata(new DocumentedBody(OverrideExample), DocumentedStatus.Conflict);
        group.MapGet("/{id}/aliases", ListAliasesAsync).WithName("ListAliases").Produces<AliasesResponse>().WithMetadata(DocumentedParameter.Paging);
        group.MapPut("/{id}/aliases/{alias}", SetAliasAsync).WithName("SetAlias").Accepts<VersionChoice>("application/json").Produces<AdapterResponse>()
            .WithMetadata(new DocumentedBody(VersionExample), DocumentedStatus.Conflict);
        group.MapDelete("/{id}/aliases/{alias}", DeleteAliasAsync).WithName("DeleteAlias").Produces(StatusCodes.Status204NoContent).WithMetadata(DocumentedStatus.Conflict);
        group.MapPost("/{id}/rollback", RollBackAsync).WithName("RollBack").Accepts<VersionChoice>("application/json").Produces<AdapterResponse>()
            .WithMetadata(new DocumentedBody(VersionExample), DocumentedStatus.Conflict);
        group.MapGet("/{id}/matrix", MatrixAsync).WithName("GetMatrix").Produces<MatrixResponse>()
            .WithMetadata(new DocumentedParameter("format", "json (default), csv or svg; Accept works too.", false, MatrixReader.Formats));
    }

    /// <summary>Makes an adapter: one LoRA over one pinned base.</summary>
    private static async Task<IResult> CreateAsync(HttpRequest request, CreateAdapter create, CancellationToken cancellationToken)
    {
        if ((await RequestBody.ReadAsync(request, form: null, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        if ((await create.RunAsync(Caller.Of(request.HttpContext.User), body.Fields, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        return TypedResults.Created($"/adapters/{adapter.Id}", AdapterResponse.Of(adapter, []));
    }

    /// <summary>Makes an adapter of a LoRA in PEFT's files, which is audited and becomes version 1.</summary>
    /// <remarks>
    /// The zip holds adapter_config.json and adapter_model.safetensors, at its root or in one folder; slao.json of an export is used where it is there.
    /// Part <c>state</c> takes download?format=state of the same version: the next task then starts from just what it would have started from.
    /// </remarks>
    private static async Task<IResult> ImportAsync(HttpRequest request, ImportAdapter import, CancellationToken cancellationToken)
    {
        if ((await RequestBody.ReadAsync(request, ImportForm, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        if ((await import.RunAsync(Caller.Of(request.HttpContext.User), body, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        var live = new AdapterAlias { AdapterId = adapter.Id, Name = AdapterAlias.Live, VersionNumber = adapter.HeadVersion };
        return TypedResults.Created($"/adapters/{adapter.Id}", AdapterResponse.Of(adapter, [live]));
    }

    /// <summary>Lists your adapters, newest first.</summary>
    private static async Task<IResult> ListAsync(HttpRequest request, ServiceDbContext database, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var problem, out var paging)) return problem;
        var query = database.AdaptersOf(request.HttpContext.User.Tenant());
        if (paging.Cursor is { } cursor) query = query.Where(row => string.Compare(row.Id, cursor) < 0);
        var rows = await query.OrderByDescending(row => row.Id).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        var ids = rows.ConvertAll(row => row.Id);
        var aliases = (await database.Aliases.AsNoTracking().Where(row => ids.Contains(row.AdapterId)).ToListAsync(cancellationToken)).ToLookup(row => row.AdapterId);
        return TypedResults.Ok(paging.Cut(rows, row => row.Id, row => AdapterResponse.Of(row, aliases[row.Id])));
    }

    /// <summary>Shows an adapter, by id or name.</summary>
    private static async Task<IResult> GetAsync(string id, HttpContext http, ServiceDbContext database, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        return await ShowAsync(adapter, database, cancellationToken);
    }

    private static async Task<IResult> ShowAsync(Adapter adapter, ServiceDbContext database, CancellationToken cancellationToken)
    {
        var aliases = await database.Aliases.AsNoTracking().Where(row => row.AdapterId == adapter.Id).ToListAsync(cancellationToken);
        return TypedResults.Ok(AdapterResponse.Of(adapter, aliases));
    }

    /// <summary>Gives an adapter another gate, or takes it away with null. It holds for tasks that start afterwards.</summary>
    private static async Task<IResult> ChangeAsync(string id, HttpRequest request, ServiceDbContext database, ChangeAdapter change, CancellationToken cancellationToken)
    {
        if ((await RequestBody.ReadAsync(request, form: null, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        if ((await database.FindAdapterAsync(request.HttpContext.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        if (await change.RunAsync(Caller.Of(request.HttpContext.User), adapter, body.Fields, cancellationToken) is { } refused) return refused;
        return await ShowAsync(adapter, database, cancellationToken);
    }

    /// <summary>Deletes an adapter; refused while it has a task queued or running.</summary>
    private static async Task<IResult> DeleteAsync(string id, HttpContext http, ServiceDbContext database, DeleteAdapter delete, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        return await delete.RunAsync(Caller.Of(http.User), adapter, cancellationToken) is { } refused ? refused : TypedResults.NoContent();
    }

    /// <summary>Sets what may change from one version of an adapter to the next before an alarm is raised; what is left out is as the service has it, and {} takes all back.</summary>
    private static async Task<IResult> SetDriftAsync(string id, HttpRequest request, ServiceDbContext database, SetDrift set, CancellationToken cancellationToken)
    {
        if ((await RequestBody.ReadAsync(request, form: null, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        if ((await database.FindAdapterAsync(request.HttpContext.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        if (await set.RunAsync(Caller.Of(request.HttpContext.User), adapter, body.Fields, cancellationToken) is { } refused) return refused;
        return await ShowAsync(adapter, database, cancellationToken);
    }

    /// <summary>Pins an adapter: its live version is loaded before anybody asks for it, and stays in memory; a version that is published takes the place of the last.</summary>
    private static async Task<IResult> PinAsync(string id, HttpContext http, ServiceDbContext database, PinAdapter pin, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        if (await pin.PinAsync(Caller.Of(http.User), adapter, cancellationToken) is { } refused) return refused;
        return await ShowAsync(adapter, database, cancellationToken);
    }

    /// <summary>Takes the pin off an adapter: it stays in memory only as long as others do not need the room.</summary>
    private static async Task<IResult> UnpinAsync(string id, HttpContext http, ServiceDbContext database, PinAdapter pin, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        await pin.UnpinAsync(Caller.Of(http.User), adapter, cancellationToken);
        return TypedResults.NoContent();
    }

    /// <summary>Lists an adapter's versions, newest first.</summary>
    private static async Task<IResult> ListVersionsAsync(string id, HttpRequest request, ServiceDbContext database, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var badPage, out var paging)) return badPage;
        if ((await database.FindAdapterAsync(request.HttpContext.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        var query = database.Versions.AsNoTracking().Where(row => row.AdapterId == adapter.Id);
        if (paging.Cursor is { } cursor)
        {
            if (!int.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var before)) return Paging.BadCursor(cursor);
            query = query.Where(row => row.Number < before);
        }

        var rows = await query.OrderByDescending(row => row.Number).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(paging.Cut(rows, row => row.Number.ToString(CultureInfo.InvariantCulture), row => VersionResponse.Of(row, inList: true)));
    }

    /// <summary>Makes a version that the gate refused head and live, for a reason that is kept with it and in the audit log; refused where the head has moved since.</summary>
    private static async Task<IResult> OverrideAsync(string id, int number, HttpRequest request, ServiceDbContext database, OverrideGate gate, CancellationToken cancellationToken)
    {
        if ((await RequestBody.ReadAsync(request, form: null, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        if ((await database.FindVersionAsync(request.HttpContext.User.Tenant(), id, number, cancellationToken)).Failed(out var problem, out var version)) return problem;
        if ((await gate.RunAsync(Caller.Of(request.HttpContext.User), version, body.Fields, cancellationToken)).Failed(out var refused, out var published)) return refused;
        return TypedResults.Ok(VersionResponse.Of(published));
    }

    /// <summary>Shows one version. Nothing of it changes but that a refused one may be let through: with its ETag as <c>If-None-Match</c> the answer is 304.</summary>
    private static async Task<IResult> GetVersionAsync(string id, int number, HttpContext http, ServiceDbContext database, CancellationToken cancellationToken)
    {
        if ((await database.FindVersionAsync(http.User.Tenant(), id, number, cancellationToken)).Failed(out var problem, out var version)) return problem;
        return TaggedJson.Of(VersionResponse.Of(version));
    }

    /// <summary>Downloads a version in a format that other programs load, or its training state.</summary>
    private static Task<IResult> DownloadAsync(string id, int number, HttpContext http, VersionDownload download, CancellationToken cancellationToken) =>
        download.RunAsync(http, id, number, cancellationToken);

    /// <summary>Shows which version each alias names, and every move of one, newest first: who moved it, when, and from where.</summary>
    private static async Task<IResult> ListAliasesAsync(string id, HttpRequest request, ServiceDbContext database, CancellationToken cancellationToken)
    {
        if (Paging.Read(request).Failed(out var badPage, out var paging)) return badPage;
        if ((await database.FindAdapterAsync(request.HttpContext.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        var current = await database.Aliases.AsNoTracking().Where(row => row.AdapterId == adapter.Id).OrderBy(row => row.Name).ToListAsync(cancellationToken);
        var query = database.AliasChanges.AsNoTracking().Where(row => row.AdapterId == adapter.Id);
        if (paging.Cursor is { } cursor) query = query.Where(row => string.Compare(row.Id, cursor) < 0);
        var rows = await query.OrderByDescending(row => row.Id).Take(paging.Limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(AliasesResponse.Of(current, paging.Cut(rows, row => row.Id, AliasMove.Of)));
    }

    /// <summary>Points a name such as <c>canary</c>, or <c>live</c>, at a version: requests for <c>adapter:canary</c> are answered by it from now on.</summary>
    private static async Task<IResult> SetAliasAsync(string id, string alias, HttpRequest request, ServiceDbContext database, MoveAlias move, CancellationToken cancellationToken)
    {
        if (VersionChoice.CheckName(alias) is { } badName) return badName;
        if ((await VersionChoice.ReadAsync(request, cancellationToken)).Failed(out var unreadable, out var choice)) return unreadable;
        if ((await database.FindAdapterAsync(request.HttpContext.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        if (await move.SetAsync(Caller.Of(request.HttpContext.User), adapter, alias, choice.Version!.Value, cancellationToken) is { } refused) return refused;
        return await ShowAsync(adapter, database, cancellationToken);
    }

    /// <summary>Takes a name away from an adapter; <c>live</c> stays.</summary>
    private static async Task<IResult> DeleteAliasAsync(string id, string alias, HttpContext http, ServiceDbContext database, MoveAlias move, CancellationToken cancellationToken)
    {
        if ((await database.FindAdapterAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        return await move.DeleteAsync(Caller.Of(http.User), adapter, alias, cancellationToken) is { } refused ? refused : TypedResults.NoContent();
    }

    /// <summary>Goes back to a version: it becomes live, and the next task starts from its state. Nothing is deleted, so that one can go forward again the same way.</summary>
    private static async Task<IResult> RollBackAsync(string id, HttpRequest request, ServiceDbContext database, MoveAlias move, CancellationToken cancellationToken)
    {
        if ((await VersionChoice.ReadAsync(request, cancellationToken)).Failed(out var unreadable, out var choice)) return unreadable;
        if ((await database.FindAdapterAsync(request.HttpContext.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var adapter)) return problem;
        if (await move.RollBackAsync(Caller.Of(request.HttpContext.User), adapter, choice.Version!.Value, cancellationToken) is { } refused) return refused;
        return await ShowAsync(adapter, database, cancellationToken);
    }

    /// <summary>Every task's score after every task, with averages and their formulas.</summary>
    private static async Task<IResult> MatrixAsync(string id, HttpContext http, MatrixReader reader, CancellationToken cancellationToken)
    {
        if ((await reader.ReadAsync(http.User.Tenant(), id, cancellationToken)).Failed(out var problem, out var matrix)) return problem;
        return MatrixReader.Present(http.Request, matrix);
    }
}
