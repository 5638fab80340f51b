namespace ContinualService.Deploy.Tests.Images;

/// <summary>The instructions of a Dockerfile in their order, continued lines joined, comments left out.</summary>
internal sealed class Dockerfile
{
    public Dockerfile(string text)
    {
        var joined = string.Join('\n', text.Split('\n').Where(line => !line.TrimStart().StartsWith('#'))).Replace("\\\n", " ", StringComparison.Ordinal);
        Instructions =
        [
            .. joined.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(line => line.Split(' ', 2))
                .Select(parts => (parts[0], parts.Length > 1 ? parts[1].Trim() : "")),
        ];
    }

    public IReadOnlyList<(string Keyword, string Arguments)> Instructions { get; }

    /// <summary>The instructions of one stage, its FROM first.</summary>
    public IReadOnlyList<(string Keyword, string Arguments)> Stage(string name)
    {
        var stage = Instructions.SkipWhile(instruction => instruction.Keyword != "FROM" || !instruction.Arguments.EndsWith($" AS {name}", StringComparison.Ordinal)).ToList();
        return [.. stage.Take(1), .. stage.Skip(1).TakeWhile(instruction => instruction.Keyword != "FROM")];
    }

    public IEnumerable<string> All(string keyword) => Instructions.Where(instruction => instruction.Keyword == keyword).Select(instruction => instruction.Arguments);

    /// <summary>What a COPY takes from the build's context: empty for a copy from another stage.</summary>
    public static (List<string> Sources, string Target) Copy(string arguments)
    {
        var words = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Any(word => word.StartsWith("--from=", StringComparison.Ordinal))) return ([], words[^1]);
        return ([.. words[..^1].Where(word => !word.StartsWith("--", StringComparison.Ordinal))], words[^1]);
    }

    /// <summary>The variables that ENV sets.</summary>
    public Dictionary<string, string> Environment(string stage) => Stage(stage).Where(instruction => instruction.Keyword == "ENV")
        .SelectMany(instruction => instruction.Arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Select(pair => pair.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
}
