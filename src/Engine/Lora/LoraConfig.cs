using System.Text.RegularExpressions;

namespace ContinualService.Engine.Lora;

/// <summary>What a LoRA is made of, in PEFT's terms.</summary>
/// <param name="Rank">R of every pair that no pattern names; at least 1.</param>
/// <param name="Alpha">Numerator of the scale.</param>
/// <param name="TargetModules">Last path components or path suffixes; <c>all-linear</c> alone means every linear layer but the head.</param>
/// <param name="UseRsLora">Divide alpha by sqrt(R) instead of R.</param>
public sealed record LoraConfig(int Rank, double Alpha, IReadOnlyList<string> TargetModules, bool UseRsLora = false)
{
    public const string AllLinear = "all-linear";

    /// <summary>Ranks that differ from <see cref="Rank"/>: PEFT key, matched as <c>(.*\.)?(KEY)$</c> on the module path.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    /// <summary>Alphas that differ from <see cref="Alpha"/>, matched like <see cref="RankPattern"/>.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    /// <summary>Dropout the adapter was trained with, 0 to below 1; recorded, not applied here.</summary>
    public double Dropout { get; init; }

    public int RankOf(string path) => Matching(RankPattern, path, Rank);

    public double AlphaOf(string path) => Matching(AlphaPattern, path, Alpha);

    /// <summary>The factor on B A of the layer at <paramref name="path"/>.</summary>
    public double ScaleOf(string path) => AlphaOf(path) / (UseRsLora ? Math.Sqrt(RankOf(path)) : RankOf(path));

    /// <summary>The shape of so many pairs of this one laid side by side, which is their sum: a larger rank, and the alpha that keeps the scale.</summary>
    public LoraConfig Stacked(int count)
    {
        if (count == 1) return this;
        var factor = UseRsLora ? Math.Sqrt(count) : count;
        return this with
        {
            Rank = Rank * count,
            Alpha = Alpha * factor,
            RankPattern = RankPattern.ToDictionary(item => item.Key, item => item.Value * count),
            AlphaPattern = AlphaPattern.ToDictionary(item => item.Key, item => item.Value * factor),
        };
    }

    /// <summary>The keys come from an uploaded file: no backtracking, so that none can hang the process.</summary>
    /// <exception cref="ArgumentException">The key is no regular expression, or one that needs backtracking (<see cref="NotSupportedException"/>).</exception>
    internal static Regex PatternOf(string key) => new(@"^(.*\.)?(" + key + ")$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    private static T Matching<T>(IReadOnlyDictionary<string, T> patterns, string path, T otherwise)
    {
        foreach (var (key, value) in patterns)
        {
            if (PatternOf(key).IsMatch(path)) return value;
        }

        return otherwise;
    }
}
