using System.Globalization;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Worker.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Worker.Child;

/// <summary>Before a version can be published: the file that servers will load is read back, must hold the trainer's very numbers, and must give its log-probabilities on the server's path.</summary>
internal static class ServingCheck
{
    public static ServingAgreement Run(Decoder decoder, LoraConfig config, LoraWeights trained, string weightsPath, IReadOnlyList<int[]> texts)
    {
        using var stored = PeftAdapter.LoadWeights(weightsPath, config, decoder);
        // A base in bfloat16 has so much noise that a few wrong numbers would not show in log-probabilities.
        if (trained.Pairs.FirstOrDefault(pair => !IsSame(pair, stored.At(pair.Site.Index))) is { } other)
        {
            throw new RunFailureException(
                TaskFailureCode.ServingDiffers, $"The new version's file does not hold what was trained (layer {other.Site.Path}). Nothing was published; give this message to the operator.", userError: false);
        }

        return Require(ServingProbe.Run(decoder, trained, stored, RunFiles.Sha256Of(weightsPath), texts));
    }

    private static bool IsSame(LoraPair trained, LoraPair? stored)
    {
        using var scope = NewDisposeScope();
        return stored is not null && trained.A.eq(stored.A).all().ToBoolean() && trained.B.eq(stored.B).all().ToBoolean();
    }

    /// <exception cref="RunFailureException">Server and trainer disagree by more than the device's noise.</exception>
    internal static ServingAgreement Require(ServingAgreement found) => found.Holds ? found : throw new RunFailureException(
        TaskFailureCode.ServingDiffers,
        string.Create(
            CultureInfo.InvariantCulture,
            $"The new version would be served otherwise than it was trained: log-probabilities differ by {found.Difference:g3}, {found.Tolerance:g3} is this device's noise. Nothing was published; give this message to the operator."),
        userError: false);
}
