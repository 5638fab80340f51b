namespace ContinualService.Api.Requests;

/// <summary>The parts of a multipart body; also what Swagger shows of it.</summary>
/// <param name="TextFields">Plain form fields.</param>
/// <param name="JsonFields">Form fields that hold a JSON object, or come flattened as <c>field.name</c>.</param>
/// <param name="Files">File parts; the first is the required one.</param>
internal sealed record FormShape(IReadOnlyList<string> TextFields, IReadOnlyList<string> JsonFields, IReadOnlyList<string> Files);
