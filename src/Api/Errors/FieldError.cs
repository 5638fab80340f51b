namespace ContinualService.Api.Errors;

/// <summary>One thing that is wrong with a request: where it stands, why it is refused and what to do about it.</summary>
/// <param name="Line">Line of the uploaded file, counted from 1; null where no file is meant.</param>
/// <param name="Field">The field's path in the request or row, such as <c>hyperparameters.epochs</c>.</param>
/// <param name="Reason">Why it is refused.</param>
/// <param name="Mend">What to send instead.</param>
public sealed record FieldError(int? Line, string? Field, string Reason, string Mend);
