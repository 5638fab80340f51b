using System.Globalization;
using System.Text;

namespace ContinualService.Bench.Serving;

/// <summary>The rounds as a table of medians, smallest and largest.</summary>
internal sealed class ServingReport(ServingSettings settings)
{
    private readonly List<ServingRound> _rounds = [];

    public void Add(ServingRound round) => _rounds.Add(round);

    public string Markdown(int cachedPrompt)
    {
        var text = new StringBuilder("# Generation with adapters, beside llama.cpp\n\n");
        text.Append("    ").Append(settings.Command()).Append("\n\n");
        text.Append(string.Create(CultureInfo.InvariantCulture, $"""
            {settings.Shape}, float32, {settings.Threads} threads, rank 8 on all linears, prompts of {settings.Prompt} and answers of {settings.NewTokens} tokens, the largest logit chosen; {settings.Rounds} rounds,
            each measures everything in turns. llama.cpp is called through its C interface, its weights in float32, its cache as it comes (float16).
            Median (smallest - largest) of the rounds.

            | | ours | llama.cpp | ratio |
            |---|---|---|---|

            """));
        Row(text, "1 request, tokens/s after the first token", round => round.Alone, round => round.PeerAlone, round => round.AloneRatio);
        Row(text, $"{settings.Adapters} requests over {settings.Adapters} adapters, tokens/s with prompts", round => round.Together, round => round.PeerTogether, round => round.TogetherRatio);
        text.Append("\n| | cached | uncached | ratio |\n|---|---|---|---|\n");
        Row(text, $"time to first token, prompt of {cachedPrompt}, ms", round => round.Cached.TotalMilliseconds, round => round.Uncached.TotalMilliseconds, round => round.CachedRatio);
        return text.ToString();
    }

    private void Row(StringBuilder text, string name, params Func<ServingRound, double>[] columns)
    {
        text.Append("| ").Append(name);
        foreach (var column in columns)
        {
            var values = _rounds.Select(column).Order().ToList();
            text.Append(string.Create(CultureInfo.InvariantCulture, $" | {values[values.Count / 2]:G3} ({values[0]:G3} - {values[^1]:G3})"));
        }

        text.Append(" |\n");
    }
}
