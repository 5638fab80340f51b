using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using ContinualService.Api.Errors;

namespace ContinualService.Api.Requests;

/// <summary>A request body with its files, in one form whether it came as JSON or as multipart.</summary>
/// <param name="Fields">The body's fields; form fields that hold JSON are parsed.</param>
/// <param name="Files">Uploaded files by part name.</param>
internal sealed record RequestBody(JsonObject Fields, IReadOnlyDictionary<string, UploadedFile> Files)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    /// <summary>Digest of what was asked, the same however a multipart boundary or white space differs.</summary>
    public string Sha256()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(Fields.ToJsonString()));
        foreach (var (name, file) in Files.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            hash.AppendData(Encoding.UTF8.GetBytes($"\n{name}:{file.FileName}:{Convert.ToHexStringLower(SHA256.HashData(file.Bytes.Span))}"));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Reads JSON, or multipart where <paramref name="form"/> says which parts there are.</summary>
    public static async Task<Outcome<RequestBody>> ReadAsync(HttpRequest request, FormShape? form, CancellationToken cancellationToken)
    {
        if (request.HasJsonContentType()) return await ReadJsonAsync(request, cancellationToken);
        if (form is not null && request.HasFormContentType && request.ContentType!.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase))
            return await ReadFormAsync(request, form, cancellationToken);
        var accepted = form is null ? "application/json" : "application/json or multipart/form-data";
        return new Problem(ProblemTypes.UnsupportedMediaType, $"The content type is {request.ContentType ?? "missing"}. Send {accepted}.");
    }

    private static async Task<Outcome<RequestBody>> ReadJsonAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        using var buffer = new MemoryStream();
        await request.Body.CopyToAsync(buffer, cancellationToken);
        var bytes = buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
        if (!Utf8.IsValid(bytes.Span)) return new Problem(ProblemTypes.MalformedBody, "The body is not valid UTF-8. Encode it as UTF-8 and send it again.");
        var parsed = ParseObject(bytes);
        return parsed.Failed(out var problem, out var fields) ? problem : new RequestBody(fields, new Dictionary<string, UploadedFile>());
    }

    private static Outcome<JsonObject> ParseObject(ReadOnlyMemory<byte> utf8, string? field = null)
    {
        var place = field is null ? "The body" : $"The form field {field}";
        try
        {
            if (BrokenEscape(utf8.Span) is { } position)
                return new Problem(ProblemTypes.MalformedBody, $"{place} has a \\u escape at byte {position + 1} that is half of a surrogate pair. Send the whole pair, or the character itself.");
            if (JsonNode.Parse(utf8.Span, documentOptions: Strict) is JsonObject fields) return fields;
            return new Problem(ProblemTypes.MalformedBody, $"{place} is JSON, but not an object. Send an object, such as {{\"name\": \"...\"}}.");
        }
        catch (JsonException exception)
        {
            // Malformed JSON is the client's error; the reader knows where it is.
            var what = exception.LineNumber is { } line
                ? $"{place} is not valid JSON at line {line + 1}, byte {exception.BytePositionInLine + 1}"
                : $"{place} is not valid JSON";
            return new Problem(ProblemTypes.MalformedBody, $"{what}: {exception.Message} Mend the JSON and send it again.");
        }
    }

    /// <summary>Where a string stands that is no text; nothing later could read or store it. Only escapes can hide one: the bytes are valid UTF-8.</summary>
    private static long? BrokenEscape(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = Strict.MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName) || !reader.ValueIsEscaped) continue;
            try
            {
                _ = reader.GetString();
            }
            catch (InvalidOperationException)
            {
                // The reader's way to say that an escape is half a pair.
                return reader.TokenStartIndex;
            }
        }

        return null;
    }

    private static async Task<Outcome<RequestBody>> ReadFormAsync(HttpRequest request, FormShape shape, CancellationToken cancellationToken)
    {
        IFormCollection form;
        try
        {
            form = await request.ReadFormAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException and not BadHttpRequestException)
        {
            // A broken boundary or a part cut short is the client's error.
            return new Problem(ProblemTypes.MalformedBody, $"The multipart body cannot be read: {exception.Message} Send it again in full.");
        }

        var fields = new JsonObject();
        foreach (var (name, values) in form)
        {
            if (values.Count > 1) return Problem.Invalid(name, "The form field is there more than once.", "Send it once.");
            if (shape.JsonFields.Contains(name))
            {
                if (string.IsNullOrWhiteSpace(values)) continue; // Swagger UI sends empty parts for fields left blank.
                if (ParseObject(Encoding.UTF8.GetBytes(values!), name).Failed(out var problem, out var parsed)) return problem;
                Merge(fields, name, parsed);
            }
            else if (name.IndexOfAny(['.', '[']) is var cut and > 0 && shape.JsonFields.Contains(name[..cut]))
            {
                Merge(fields, name[..cut], new JsonObject { [name[(cut + 1)..].TrimEnd(']')] = Scalar(values.ToString()) });
            }
            else if (values.ToString().Length > 0)
            {
                fields[name] = values.ToString();
            }
        }

        var files = new Dictionary<string, UploadedFile>();
        foreach (var file in form.Files)
        {
            if (!shape.Files.Contains(file.Name))
                return Problem.Invalid(file.Name, "This file part is not known here.", $"Allowed file parts: {string.Join(", ", shape.Files)}.");
            using var buffer = new MemoryStream((int)file.Length);
            await file.CopyToAsync(buffer, cancellationToken);
            if (!files.TryAdd(file.Name, new UploadedFile(file.FileName, buffer.GetBuffer().AsMemory(0, (int)buffer.Length))))
                return Problem.Invalid(file.Name, "The file part is there more than once.", "Send one file; join the rows of several.");
        }

        return new RequestBody(fields, files);
    }

    private static void Merge(JsonObject fields, string name, JsonObject values)
    {
        if (fields[name] is not JsonObject target) fields[name] = target = [];
        foreach (var (key, value) in values) target[key] = value?.DeepClone();
    }

    /// <summary>A flattened form value: a JSON number or boolean where it reads as one, else text.</summary>
    private static JsonNode Scalar(string text)
    {
        if (text is "true" or "false") return text == "true";
        return double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out _) && JsonNumber(text) is { } number ? number : text;
    }

    private static JsonNode? JsonNumber(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            // "1," and the like read as a number in .NET but not in JSON: text, which the field's own check refuses by name.
            return null;
        }
    }
}
