using System.Text.RegularExpressions;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;

namespace ContinualService.Api.Adapters;

/// <summary>The version that a name, or the adapter, is to have from now on.</summary>
public sealed partial class VersionChoice
{
    /// <summary>Number of a version of this adapter.</summary>
    public int? Version { get; init; }

    internal static async Task<Outcome<VersionChoice>> ReadAsync(HttpRequest http, CancellationToken cancellationToken)
    {
        if ((await RequestBody.ReadAsync(http, form: null, cancellationToken)).Failed(out var unreadable, out var body)) return unreadable;
        var errors = new List<FieldError>();
        var request = StrictJson.Bind<VersionChoice>(body.Fields, errors);
        if (errors.Count == 0 && request.Version is null) errors.Add(new(null, "version", "The version is missing.", "Send its number, {\"version\": 3}."));
        if (errors.Count == 0 && request.Version < 1) errors.Add(new(null, "version", $"There is no version {request.Version}.", "Send a number from 1 on; the bare base model has a name of its own."));
        return errors.Count > 0 ? Problem.Invalid(errors) : request;
    }

    /// <summary>Null: it can be the name of an alias.</summary>
    internal static Problem? CheckName(string alias) => Name().IsMatch(alias)
        ? null
        : Problem.Invalid("alias", $"'{alias}' cannot be the name of an alias.", "Use 1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit.");

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", RegexOptions.NonBacktracking)]
    private static partial Regex Name();
}
