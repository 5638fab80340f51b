namespace ContinualService.Api.Errors;

/// <summary>Every kind of problem that the API answers with. Codes are part of the interface: add, never rename.</summary>
internal static class ProblemTypes
{
    public static readonly ProblemType InvalidRequest = new("invalid_request", 400, "The request is not valid");
    public static readonly ProblemType InvalidData = new("invalid_data", 400, "The data set has rows that cannot be used");
    public static readonly ProblemType MalformedBody = new("malformed_body", 400, "The body cannot be read");
    public static readonly ProblemType UnknownModel = new("unknown_model", 400, "There is no such base model here");
    public static readonly ProblemType UnsupportedFormat = new("unsupported_format", 400, "There is no such download format");
    public static readonly ProblemType Unauthorized = new("unauthorized", 401, "A valid API key is needed");
    public static readonly ProblemType NotFound = new("not_found", 404, "There is no such thing here");
    public static readonly ProblemType MethodNotAllowed = new("method_not_allowed", 405, "This route does not take that method");
    public static readonly ProblemType OtherBase = new("other_base", 409, "The adapter stands on another base model");
    public static readonly ProblemType NameTaken = new("name_taken", 409, "The name is taken");
    public static readonly ProblemType WrongState = new("wrong_state", 409, "The state does not allow this now");
    public static readonly ProblemType IdempotencyKeyReused = new("idempotency_key_reused", 409, "The Idempotency-Key belongs to another request");
    public static readonly ProblemType TooLarge = new("body_too_large", 413, "The body is larger than the limit");
    public static readonly ProblemType UnsupportedMediaType = new("unsupported_media_type", 415, "The content type is not one that this route reads");
    public static readonly ProblemType ObjectDamaged = new("object_damaged", 500, "A stored object is damaged");
    public static readonly ProblemType Internal = new("internal_error", 500, "The service failed");
    public static readonly ProblemType Unavailable = new("unavailable", 503, "The service is not ready");

    /// <summary>The kind for a bare HTTP status that came from the framework instead of an endpoint.</summary>
    public static ProblemType For(int status) => status switch
    {
        401 => Unauthorized,
        404 => NotFound,
        405 => MethodNotAllowed,
        413 => TooLarge,
        415 => UnsupportedMediaType,
        503 => Unavailable,
        >= 500 => Internal,
        _ => MalformedBody,
    };
}
