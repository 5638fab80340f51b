namespace ContinualService.Api.OpenAi.Files;

/// <summary>What Swagger shows beside the file part of POST /v1/files.</summary>
/// <param name="Purpose" example="fine-tune">Always fine-tune.</param>
internal sealed record FileExample(string Purpose);
