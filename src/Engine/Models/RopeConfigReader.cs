namespace ContinualService.Engine.Models;

/// <summary>Reads both dialects: <c>rope_theta</c> + <c>rope_scaling</c>, and <c>rope_parameters</c>.</summary>
internal static class RopeConfigReader
{
    private const double DefaultTheta = 10_000;

    private static readonly HashSet<string> None = [];

    public static RopeConfig Read(StrictObject config, int maxPositions)
    {
        var parameters = config.Object("rope_parameters");
        var scaling = config.Object("rope_scaling");
        if (parameters is not null && scaling is not null)
            throw new ModelFormatException("config.json: both rope_scaling and rope_parameters are set; keep one of them.");

        var outer = config.OptionalDouble("rope_theta");
        var inner = parameters?.OptionalDouble("rope_theta");
        if (outer is not null && inner is not null && outer != inner)
            throw new ModelFormatException($"config.json: rope_theta is {outer} outside and {inner} inside rope_parameters; keep one of them.");
        var theta = inner ?? outer ?? DefaultTheta;
        if (theta <= 1) throw new ModelFormatException($"config.json: rope_theta is {theta}, but must be above 1.");

        var options = parameters ?? scaling;
        if (options is null) return new RopeConfig { Theta = theta };
        var rope = ReadOptions(options, theta, maxPositions);
        options.RefuseTheRest(None);
        return rope;
    }

    private static RopeConfig ReadOptions(StrictObject options, double theta, int maxPositions)
    {
        var name = options.OptionalText("rope_type") ?? options.Text("type", "default");
        _ = options.OptionalText("type"); // older files carry both spellings
        if (options.Double("partial_rotary_factor", 1) != 1) throw options.Wrong("partial_rotary_factor", "1: partial rotation is not computed");
        switch (name)
        {
            case "default":
                return new RopeConfig { Theta = theta, Factor = Stretch(options, required: false) };
            case "linear":
                return new RopeConfig { Type = RopeType.Linear, Theta = theta, Factor = Stretch(options) };
            case "llama3":
                var low = options.Double("low_freq_factor");
                var high = options.Double("high_freq_factor");
                if (low <= 0 || high <= low) throw options.Wrong("high_freq_factor", "above low_freq_factor, and both above 0");
                return new RopeConfig
                {
                    Type = RopeType.Llama3,
                    Theta = theta,
                    Factor = Stretch(options),
                    LowFrequencyFactor = low,
                    HighFrequencyFactor = high,
                    OriginalMaxPositions = options.Size("original_max_position_embeddings"),
                };
            case "yarn":
                return Yarn(options, theta, maxPositions);
            default:
                throw new ModelFormatException($"config.json: rope type '{name}' is not supported. Supported are default, linear, llama3, yarn.");
        }
    }

    private static RopeConfig Yarn(StrictObject options, double theta, int maxPositions)
    {
        var rope = new RopeConfig
        {
            Type = RopeType.Yarn,
            Theta = theta,
            Factor = Stretch(options),
            OriginalMaxPositions = options.Has("original_max_position_embeddings") ? options.Size("original_max_position_embeddings") : maxPositions,
            AttentionFactor = options.OptionalDouble("attention_factor"),
            BetaFast = options.Double("beta_fast", 32),
            BetaSlow = options.Double("beta_slow", 1),
            MScale = options.OptionalDouble("mscale"),
            MScaleAllDimensions = options.OptionalDouble("mscale_all_dim"),
            Truncate = options.Bool("truncate", true),
        };
        if (rope.AttentionFactor <= 0) throw options.Wrong("attention_factor", "above 0");
        if (rope.BetaSlow <= 0 || rope.BetaFast < rope.BetaSlow) throw options.Wrong("beta_fast", "at least beta_slow, and both above 0");
        return rope;
    }

    private static double Stretch(StrictObject options, bool required = true)
    {
        var factor = required ? options.Double("factor") : options.Double("factor", 1);
        if (!required && factor != 1) throw options.Wrong("factor", "1 with the default rope type");
        return factor >= 1 ? factor : throw options.Wrong("factor", "at least 1");
    }
}
