using System.Globalization;

namespace ContinualService.Domain;

/// <summary>Makes the identifiers of rows: a prefix that says what the row is, and a part that sorts by creation.</summary>
public static class Ids
{
    private static readonly Lock Gate = new();
    private static long lastMilliseconds;

    /// <summary>A new id such as <c>task_0198…</c>; ids made later in this process sort after it, ordinally.</summary>
    /// <param name="prefix">Says what the row is.</param>
    /// <param name="separator">Stands between prefix and number; the OpenAI interface has a dash where the service's own ids have an underscore.</param>
    public static string New(string prefix, char separator = '_')
    {
        long milliseconds;
        lock (Gate)
        {
            // A version 7 GUID orders by its millisecond alone: two ids of one millisecond would sort at random, and the queue goes by id.
            milliseconds = Math.Max(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), lastMilliseconds + 1);
            lastMilliseconds = milliseconds;
        }

        var guid = Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(milliseconds));
        return string.Create(CultureInfo.InvariantCulture, $"{prefix}{separator}{guid:N}");
    }
}
