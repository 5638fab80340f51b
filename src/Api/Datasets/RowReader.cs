using System.Text.Json.Nodes;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;
using ContinualService.Engine.Data;
using ContinualService.Infrastructure.Database;
using ContinualService.Infrastructure.Storage;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Datasets;

/// <summary>Turns a file, inline examples or a stored data set into valid rows, or into the list of everything that is wrong with them.</summary>
internal sealed class RowReader(ServiceDbContext database, IObjectStore objects)
{
    public static Outcome<Rows> FromFile(UploadedFile file, string field)
    {
        var name = Path.GetFileNameWithoutExtension(file.FileName);
        return Checked(TaskFileParser.Parse(file.Bytes, file.FileName), name.Length > 0 ? name : "upload", field);
    }

    public static Outcome<Rows> FromInline(JsonArray examples, string field) => Checked(TaskFileParser.ParseInline(examples), "inline", field);

    public async Task<Outcome<Rows>> FromDatasetAsync(string tenantId, string datasetId, string field, CancellationToken cancellationToken)
    {
        var dataset = await database.Datasets.AsNoTracking().FirstOrDefaultAsync(row => row.TenantId == tenantId && row.Id == datasetId, cancellationToken);
        if (dataset is null) return Problem.NotFound($"The data set '{datasetId}' ({field})", "GET /datasets lists yours; POST /datasets makes one.");
        using var buffer = new MemoryStream((int)dataset.SizeBytes);
        await using (var stored = await objects.OpenReadAsync(dataset.Sha256, cancellationToken)) await stored.CopyToAsync(buffer, cancellationToken);
        var examples = CanonicalRows.Deserialize(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
        return new Rows(dataset.Name, dataset.Format, examples, [.. Enumerable.Range(1, examples.Count)], dataset.DuplicateRows, dataset.Id);
    }

    /// <summary>Row errors as a refusal: 400 with each error's line, field, reason and mend.</summary>
    public static Problem Refuse(IReadOnlyList<RowError> errors, int errorCount, string field) => Problem.Invalid(
        [.. errors.Select(error => new FieldError(error.Line > 0 ? error.Line : null, error.Field ?? (error.Line > 0 ? null : field), error.Reason, error.Mend))],
        ProblemTypes.InvalidData,
        errorCount,
        field);

    private static Outcome<Rows> Checked(ParsedTaskFile parsed, string name, string field)
    {
        if (!parsed.IsValid) return Refuse(parsed.Errors, parsed.ErrorCount, field);
        return new Rows(name, parsed.Format!.Value.WireName(), parsed.Examples, parsed.Lines, parsed.DuplicateCount, DatasetId: null);
    }
}
