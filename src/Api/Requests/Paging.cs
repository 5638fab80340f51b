using System.Globalization;
using ContinualService.Api.Errors;

namespace ContinualService.Api.Requests;

/// <summary>Keyset paging: a cursor is the last item's key, so that pages stay right while items are added.</summary>
internal sealed record Paging(int Limit, string? Cursor)
{
    private const int DefaultLimit = 20;
    private const int LargestLimit = 100;

    /// <summary>Reads <c>?limit</c> (1 to 100, default 20) and <c>?cursor</c>.</summary>
    public static Outcome<Paging> Read(HttpRequest request)
    {
        var text = request.Query["limit"].ToString();
        var limit = DefaultLimit;
        if (text.Length > 0 && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > LargestLimit))
            return Problem.Invalid("limit", $"'{text}' is not a page size.", $"Send a whole number from 1 to {LargestLimit}.");
        var cursor = request.Query["cursor"].ToString();
        return new Paging(limit, cursor.Length > 0 ? cursor : null);
    }

    public static Problem BadCursor(string cursor) =>
        Problem.Invalid("cursor", $"'{cursor}' is not a cursor of this list.", "Send the nextCursor of the page before, unchanged.");

    /// <summary>Makes a page of <c>Limit + 1</c> fetched rows; the extra row only says that there is more.</summary>
    public Page<TOut> Cut<TRow, TOut>(List<TRow> rows, Func<TRow, string> key, Func<TRow, TOut> shape)
    {
        var more = rows.Count > Limit;
        var kept = more ? rows[..Limit] : rows;
        return new Page<TOut>(kept.ConvertAll(row => shape(row)), more ? key(kept[^1]) : null);
    }
}
