using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;

namespace ContinualService.Engine.Continual;

/// <summary>A float32 matrix that a method keeps for an adapted layer; in the state file its name is this one, a dot and the layer's path.</summary>
/// <param name="Name">Without dots.</param>
/// <param name="Rows">First dimension.</param>
/// <param name="Columns">Second dimension.</param>
public sealed record StateTensor(string Name, long Rows, long Columns)
{
    /// <summary>A of the last fine-tune.</summary>
    public const string FineTunedA = "a_ft";

    /// <summary>B of the last fine-tune.</summary>
    public const string FineTunedB = "b_ft";

    /// <summary>The A that serves, where it is not the last fine-tune's.</summary>
    public const string MergedA = "a_merge";

    /// <summary>The B that serves.</summary>
    public const string MergedB = "b_merge";

    public long Elements => Rows * Columns;

    /// <summary>Shaped as that many A above one another, [count * R, in].</summary>
    public static StateTensor LikeA(string name, LoraConfig config, LinearSite site, long count = 1) => new(name, count * config.RankOf(site.Path), site.InFeatures);

    /// <summary>Shaped as that many B side by side, [out, count * R].</summary>
    public static StateTensor LikeB(string name, LoraConfig config, LinearSite site, long count = 1) => new(name, site.OutFeatures, count * config.RankOf(site.Path));
}
