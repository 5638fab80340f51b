using System.Text.Json.Nodes;

namespace ContinualService.Bench.Continual;

/// <summary>Which orders <c>--order</c> means.</summary>
public static class OrderChoice
{
    /// <summary>By name with their tasks: names of the source or of --orders (a name's start will do), "all" of them, or the tasks of one order themselves.</summary>
    /// <exception cref="UsageException">A word is neither.</exception>
    public static IReadOnlyList<(string Name, IReadOnlyList<string> Tasks)> Of(ContinualSettings settings, ITaskSource source)
    {
        var known = settings.OrdersFile is null ? source.Orders : Read(settings.OrdersFile);
        var wanted = settings.Order ?? (settings.OrdersFile is not null || known.Count == 1 ? "all" : throw new UsageException($"--order is missing. Orders: {string.Join(", ", known.Keys)}."));
        var words = wanted == "all" ? [.. known.Keys] : wanted.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var named = words.Select(word => known.Keys.Contains(word) ? [word] : known.Keys.Where(name => name.StartsWith(word + "_", StringComparison.Ordinal)).ToList()).ToList();
        IReadOnlyList<(string Name, IReadOnlyList<string> Tasks)> orders = words.Length > 0 && named.All(found => found.Count == 1)
            ? [.. named.Select(found => found[0]).Distinct().Select(name => (name, known[name]))]
            : [(string.Join("-", words), words)];
        foreach (var task in orders.SelectMany(order => order.Tasks))
        {
            if (!source.TaskNames.Contains(task)) throw new UsageException($"'{task}' is neither a task nor an order. Orders: {string.Join(", ", known.Keys)}; tasks: {string.Join(", ", source.TaskNames)}.");
        }

        return orders.Any(order => order.Tasks.Count == 0) ? throw new UsageException("An order has no task. Name at least one.") : orders;
    }

    private static Dictionary<string, IReadOnlyList<string>> Read(string file)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(file))!.AsObject().ToDictionary(order => order.Key, order => (IReadOnlyList<string>)[.. order.Value!.AsArray().Select(task => (string)task!)]);
        }
        catch (Exception error) when (error is IOException or System.Text.Json.JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new UsageException($"--orders {file}: {error.Message} It is a JSON object like {{\"name\": [\"task\", \"task\"]}}.", error);
        }
    }
}
