using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;

namespace ContinualService.Engine.Continual;

/// <summary>The methods by name.</summary>
public static class ContinualMethods
{
    // Each with its defaults; one with other options is made anew.
    private static readonly IReadOnlyList<(IContinualMethod Default, Func<MethodOptions, IContinualMethod> With)> Known =
    [
        Entry(options => new Slao(options)),
        Entry(options => new SeqLora(options)),
        Entry(options => new IncLora(options)),
        Entry(options => new OLora(options)),
        Entry(options => new Ewc(options)),
        Entry(options => new MagMax(options)),
        Entry(options => new Opcm(options)),
        Entry(options => new Soup(options)),
        Entry(options => new Ties(options)),
        Entry(options => new CLora(options)),
        Entry(options => new NmtLora(options)),
        Entry(options => new LoracIpc(options)),
        Entry(options => new Recall(options)),
    ];

    /// <summary>Every method with its default options.</summary>
    public static IReadOnlyList<IContinualMethod> All { get; } = [.. Known.Select(known => known.Default)];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(method => method.Name)];

    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="optionsJson">A JSON object of the options that are not to have their defaults.</param>
    /// <exception cref="ArgumentException">No such method or option; the message lists those there are.</exception>
    public static IContinualMethod ByName(string name, string optionsJson = "{}") => Make(name, ParseObject(optionsJson));

    /// <summary>A method as a command line names it and <see cref="Label"/> gives it: <c>name</c> or <c>name:option=value:option=value</c>.</summary>
    /// <inheritdoc cref="ByName" path="/exception"/>
    public static IContinualMethod Parse(string text)
    {
        var parts = text.Split(':');
        return Make(parts[0], MethodOptions.Parse(parts.Skip(1)));
    }

    /// <summary>What is wrong with the options for a method that exists; empty: nothing.</summary>
    public static IReadOnlyList<MethodOptionFault> Check(string name, JsonObject options)
    {
        List<MethodOptionFault> faults = [];
        Find(name).Default.Options.With(options, faults);
        return faults;
    }

    /// <summary>The name, with the options that differ from their defaults: two methods of one label compute the same.</summary>
    public static string Label(this IContinualMethod method) => method.Name + method.Options;

    /// <summary>float32 numbers that an adapter keeps after <paramref name="taskIndex"/> tasks: its memory as a function of T.</summary>
    public static long StateElements(this IContinualMethod method, LoraConfig config, IEnumerable<LinearSite> sites, int taskIndex) =>
        sites.Sum(site => method.Layout(config, site, taskIndex).Sum(tensor => tensor.Elements));

    private static (IContinualMethod Default, Func<MethodOptions, IContinualMethod> With) Entry(Func<MethodOptions?, IContinualMethod> make) => (make(null), make);

    private static (IContinualMethod Default, Func<MethodOptions, IContinualMethod> With) Find(string name) => Known.FirstOrDefault(known => known.Default.Name == name) is { Default: not null } found
        ? found
        : throw new ArgumentException($"There is no method '{name}'. Choose one of: {string.Join(", ", Names)}.", nameof(name));

    private static IContinualMethod Make(string name, JsonObject given)
    {
        var known = Find(name);
        List<MethodOptionFault> faults = [];
        var options = known.Default.Options.With(given, faults);
        if (faults.Count > 0) throw new ArgumentException(string.Join(" ", faults.Select(fault => $"{name}, option '{fault.Option}': {fault.Reason} {fault.Mend}")), nameof(given));
        return known.With(options);
    }

    private static JsonObject ParseObject(string json)
    {
        try
        {
            return JsonNode.Parse(json) as JsonObject ?? throw new ArgumentException($"The options of a method are a JSON object, not {json}.", nameof(json));
        }
        catch (JsonException malformed)
        {
            throw new ArgumentException($"The options of a method are a JSON object, not {json}.", nameof(json), malformed);
        }
    }
}
