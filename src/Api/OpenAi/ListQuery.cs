using System.Globalization;
using ContinualService.Api.Swagger;

namespace ContinualService.Api.OpenAi;

/// <summary>What part of a /v1 list is asked for. Ids sort by creation, so that an id says where a page begins, even after its row has gone.</summary>
/// <param name="Limit">Most items.</param>
/// <param name="After">The id that the page begins after; null: at the beginning.</param>
/// <param name="Ascending">Oldest first.</param>
internal sealed record ListQuery(int Limit, string? After, bool Ascending)
{
    public const int UsualLimit = 20;
    public const int UsualMost = 100;
    private static readonly string[] Names = ["after", "limit", "order"];

    /// <summary>What Swagger shows of these parameters.</summary>
    public static DocumentedParameter[] Documented(int usual = UsualLimit, int most = UsualMost) =>
    [
        new("after", "The last_id of the page before."),
        new("limit", string.Create(CultureInfo.InvariantCulture, $"Items on a page, 1 to {most}; default {usual}.")),
        new("order", "By creation: desc (default) is newest first.", false, "desc", "asc"),
    ];

    /// <summary>Reads the parameters strictly.</summary>
    /// <param name="request">The request.</param>
    /// <param name="idPrefix">What each id of the list begins with.</param>
    /// <param name="usual">Limit where none is asked for.</param>
    /// <param name="most">Largest limit.</param>
    /// <param name="others">Parameters that the route reads itself.</param>
    /// <exception cref="OpenAiException">400, naming the parameter.</exception>
    public static ListQuery Read(HttpRequest request, string idPrefix, int usual = UsualLimit, int most = UsualMost, params string[] others)
    {
        RefuseUnknown(request, [.. Names, .. others]);
        var limit = ReadLimit(request, usual, most);
        var order = request.Query["order"].ToString();
        if (order is not ("" or "asc" or "desc")) throw OpenAiException.Invalid("order", $"'order' is '{order}'; send asc or desc.");
        var after = request.Query["after"].ToString();
        if (after.Length > 0 && !(after.StartsWith(idPrefix, StringComparison.Ordinal) && after.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-')))
            throw OpenAiException.Invalid("after", $"'{after}' is no id of this list. Send the last_id of the page before, unchanged.");
        return new ListQuery(limit, after.Length > 0 ? after : null, order == "asc");
    }

    /// <summary>What Swagger shows of the parameters of <see cref="ReadByName"/>.</summary>
    public static DocumentedParameter[] DocumentedByName(int most) => Documented(most, most)[..2];

    /// <summary>Reads the parameters of a list in an order of its own, whose items are named by anybody's names.</summary>
    /// <exception cref="OpenAiException">400, naming the parameter.</exception>
    public static ListQuery ReadByName(HttpRequest request, int most)
    {
        RefuseUnknown(request, Names[..2]);
        var after = request.Query["after"].ToString();
        return new ListQuery(ReadLimit(request, most, most), after.Length > 0 ? after : null, true);
    }

    /// <summary>Makes a page of all items.</summary>
    /// <exception cref="OpenAiException">400: none of them is the one to begin after.</exception>
    public OpenAiList<T> CutAfter<T>(List<T> items, Func<T, string> id)
    {
        if (After is null) return Cut(items, id);
        var at = items.FindIndex(item => id(item) == After);
        return at >= 0 ? Cut(items[(at + 1)..], id) : throw OpenAiException.Invalid("after", $"'{After}' is not in this list. Send the last_id of the page before, unchanged.");
    }

    /// <summary>Makes a page of <c>Limit + 1</c> shaped items; the extra one only says that there is more.</summary>
    public OpenAiList<T> Cut<T>(IReadOnlyList<T> items, Func<T, string> id)
    {
        var kept = items.Take(Limit).ToList();
        return new OpenAiList<T>(kept, items.Count > Limit, kept.Count > 0 ? id(kept[0]) : null, kept.Count > 0 ? id(kept[^1]) : null);
    }

    private static void RefuseUnknown(HttpRequest request, string[] known)
    {
        if (request.Query.Keys.FirstOrDefault(name => !known.Contains(name)) is { } unknown)
            throw new OpenAiException(StatusCodes.Status400BadRequest, $"Unknown or unsupported parameter '{unknown}'. Remove it; this list takes: {string.Join(", ", known)}.", unknown, "unknown_parameter");
    }

    private static int ReadLimit(HttpRequest request, int usual, int most)
    {
        var text = request.Query["limit"].ToString();
        if (text.Length == 0) return usual;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit >= 1 && limit <= most
            ? limit
            : throw OpenAiException.Invalid("limit", $"'limit' is '{text}'; send a whole number from 1 to {most}.");
    }
}
