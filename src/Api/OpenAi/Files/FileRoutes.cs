using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tenants;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;

namespace ContinualService.Api.OpenAi.Files;

/// <summary>Routes of /v1/files.</summary>
internal static class FileRoutes
{
    private const string FineTune = "fine-tune";
    private const int LongestName = 255;

    // Clients of one call and no paging expect all of their files in the answer.
    private const int MostListed = 10_000;
    private const string Example = """{"purpose": "fine-tune"}""";

    private static readonly FormShape Form = new(["purpose"], [], ["file"]);

    public static void MapFiles(this IEndpointRouteBuilder group)
    {
        group.MapPost("/files", CreateAsync).WithName("CreateFile").Accepts<FileExample>("multipart/form-data").Produces<FileResponse>()
            .WithMetadata(new DocumentedBody(Example, Form));
        group.MapGet("/files", ListAsync).WithName("ListFiles").Produces<OpenAiList<FileResponse>>()
            .WithMetadata(ListQuery.Documented(MostListed, MostListed)).WithMetadata(new DocumentedParameter("purpose", "Only files of this purpose."));
        group.MapGet("/files/{id}", GetAsync).WithName("GetFile").Produces<FileResponse>();
        group.MapGet("/files/{id}/content", ContentAsync).WithName("GetFileContent").Produces<Stream>(StatusCodes.Status200OK, "application/octet-stream");
        group.MapDelete("/files/{id}", DeleteAsync).WithName("DeleteFile").Produces<DeletedResponse>();
    }

    /// <summary>Uploads a file of rows for fine-tuning jobs (multipart: file, purpose).</summary>
    private static async Task<IResult> CreateAsync(HttpRequest request, FileStore files, CancellationToken cancellationToken)
    {
        if ((await RequestBody.ReadAsync(request, Form, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        if (body.Files.GetValueOrDefault("file") is not { } file)
            throw OpenAiException.Missing("file", "'file' is missing. Send multipart/form-data with the parts file and purpose.");
        var fields = new RequestFields(body.Fields);
        var purpose = fields.Text("purpose") ?? throw OpenAiException.Missing("purpose", $"'purpose' is missing. Send {FineTune}.");
        fields.RefuseUnknown();
        if (purpose != FineTune) throw OpenAiException.Invalid("purpose", $"The purpose '{purpose}' is not supported. Send {FineTune}.");
        var name = Path.GetFileName(file.FileName.Replace('\\', '/'));
        if (name.Length is 0 or > LongestName || name.Any(char.IsControl))
            throw OpenAiException.Invalid("file", $"The file's name is empty, longer than {LongestName} characters or holds control characters. Send the part with a plain filename.");
        if (file.Bytes.IsEmpty) throw OpenAiException.Invalid("file", "The file is empty. Send a file with at least one row.");
        return TypedResults.Ok(FileResponse.Of(await files.AddAsync(Caller.Of(request.HttpContext.User), file with { FileName = name }, purpose, cancellationToken)));
    }

    /// <summary>Lists your files, newest first.</summary>
    private static async Task<IResult> ListAsync(HttpRequest request, FileStore files, CancellationToken cancellationToken)
    {
        var page = ListQuery.Read(request, FileStore.IdPrefix, MostListed, MostListed, "purpose");
        var query = files.Of(request.HttpContext.User.Tenant());
        if (request.Query["purpose"].ToString() is { Length: > 0 } purpose) query = query.Where(row => row.Purpose == purpose);
        if (page.After is { } after) query = page.Ascending ? query.Where(row => string.Compare(row.Id, after) > 0) : query.Where(row => string.Compare(row.Id, after) < 0);
        query = page.Ascending ? query.OrderBy(row => row.Id) : query.OrderByDescending(row => row.Id);
        var rows = await query.Take(page.Limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(page.Cut(rows.ConvertAll(FileResponse.Of), file => file.Id));
    }

    /// <summary>Shows a file.</summary>
    private static async Task<IResult> GetAsync(string id, HttpContext http, FileStore files, CancellationToken cancellationToken) =>
        TypedResults.Ok(FileResponse.Of(await files.FindAsync(http.User.Tenant(), id, null, cancellationToken)));

    /// <summary>Gives a file's bytes as they were sent.</summary>
    private static async Task<IResult> ContentAsync(string id, HttpContext http, FileStore files, CancellationToken cancellationToken)
    {
        var file = await files.FindAsync(http.User.Tenant(), id, null, cancellationToken);
        var content = await files.OpenAsync(file, cancellationToken);
        http.Response.ContentLength = file.SizeBytes;
        return TypedResults.Stream(content, "application/octet-stream", file.FileName, file.CreatedAt, new EntityTagHeaderValue($"\"{file.Sha256}\""));
    }

    /// <summary>Deletes a file; jobs made of it go on.</summary>
    private static async Task<IResult> DeleteAsync(string id, HttpContext http, FileStore files, CancellationToken cancellationToken)
    {
        await files.DeleteAsync(Caller.Of(http.User), id, cancellationToken);
        return TypedResults.Ok(new DeletedResponse(id, "file"));
    }
}
