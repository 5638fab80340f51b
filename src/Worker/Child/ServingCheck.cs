using System.Globalization;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Child;

/// <summary>Before a version can be published: the file that servers will load is read back, and must give the trainer's log-probabilities on the server's path.</summary>
internal static class ServingCheck
{
    public static ServingAgreement Run(Decoder decoder, LoraConfig config, LoraWeights trained, string weightsPath, IReadOnlyList<int[]> texts)
    {
        using var stored = PeftAdapter.LoadWeights(weightsPath, config, decoder);
        return Require(ServingProbe.Run(decoder, trained, stored, RunFiles.Sha256Of(weightsPath), texts));
    }

    /// <exception cref="RunFailureException">Server and trainer disagree by more than the device's noise.</exception>
    internal static ServingAgreement Require(ServingAgreement found) => found.Holds ? found : throw new RunFailureException(
        TaskFailureCode.ServingDiffers,
        string.Create(
            CultureInfo.InvariantCulture,
            $"The new version would be served otherwise than it was trained: log-probabilities differ by {found.Difference:g3}, {found.Tolerance:g3} is this device's noise. Nothing was published; give this message to the operator."),
        userError: false);
}
