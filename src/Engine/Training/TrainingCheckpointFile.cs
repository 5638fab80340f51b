using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Training;

/// <summary>
/// A checkpoint as a safetensors file: the weights, both moments and what the method counts as tensors; the counts and the digests of the inputs in the
/// metadata, with one digest over all of it. Numbers have a fixed width, so that the file's length depends on the adapter's shape alone.
/// </summary>
internal static class TrainingCheckpointFile
{
    // Raised with every change to the steps or to this file: a run must not be half one program's and half another's.
    private const string Version = "2";

    private const string Kind = "training_checkpoint";
    private const string ContentDigest = "content_sha256";
    private const string WeightsName = "weights";
    private const string MeanName = "moments.mean";
    private const string VarianceName = "moments.variance";
    private const string StatisticsName = "method.statistics"; // of methods that count

    // The longest double: -1.7976931348623157E+308.
    private const int DoubleWidth = 24;
    private const string FixedInt = "D10";
    private const string FixedLong = "D19";

    public static void Save(TrainingCheckpoint checkpoint, string path)
    {
        using var scope = NewDisposeScope();
        SortedDictionary<string, Tensor> tensors = new(StringComparer.Ordinal)
        {
            [WeightsName] = checkpoint.Weights.cpu(),
            [MeanName] = checkpoint.Mean.cpu(),
            [VarianceName] = checkpoint.Variance.cpu(),
        };
        if (checkpoint.Statistics is { } statistics) tensors[StatisticsName] = statistics.cpu();
        var totals = checkpoint.Totals;
        Dictionary<string, string> facts = new()
        {
            ["format"] = "pt",
            ["kind"] = Kind,
            ["version"] = Version,
            ["step"] = checkpoint.Step.ToString(FixedInt, CultureInfo.InvariantCulture),
            ["total_steps"] = checkpoint.TotalSteps.ToString(FixedInt, CultureInfo.InvariantCulture),
            ["first_loss"] = Fixed(totals.FirstLoss),
            ["last_loss"] = Fixed(totals.LastLoss),
            ["trained_tokens"] = totals.TrainedTokens.ToString(FixedLong, CultureInfo.InvariantCulture),
            ["processed_tokens"] = totals.ProcessedTokens.ToString(FixedLong, CultureInfo.InvariantCulture),
            ["seconds"] = Fixed(totals.Seconds),
            ["micro_batches"] = MicroBatching.Write(checkpoint.Ways),
            ["options_digest"] = checkpoint.Inputs.Options,
            ["rows_digest"] = checkpoint.Inputs.Rows,
            ["base_digest"] = checkpoint.Inputs.Base,
            ["previous_state_digest"] = checkpoint.Inputs.PreviousState,
        };
        facts[ContentDigest] = DigestOf(facts, tensors);
        SafetensorsWriter.Write(path, tensors, facts);
    }

    public static TrainingCheckpoint Load(string path)
    {
        using var scope = NewDisposeScope();
        try
        {
            using var file = SafetensorsFile.Open(path);
            if (file.Metadata.GetValueOrDefault("kind") != Kind) throw Bad("it is no checkpoint");
            var version = file.Metadata.GetValueOrDefault("version");
            if (version != Version)
                throw new CheckpointException(CheckpointFault.OtherFormat, $"{path} is a checkpoint of version {version} of the format; this program continues from version {Version} only.");
            string[] names = [MeanName, VarianceName, WeightsName];
            if (!file.Names.Where(name => name != StatisticsName).SequenceEqual(names)) throw Bad($"it holds {string.Join(", ", file.Names)} in place of {string.Join(", ", names)}");
            SortedDictionary<string, Tensor> tensors = new(file.Names.ToDictionary(name => name, file.Read), StringComparer.Ordinal);
            var facts = file.Metadata.Where(fact => fact.Key != ContentDigest).ToDictionary();
            if (DigestOf(facts, tensors) != file.Metadata.GetValueOrDefault(ContentDigest)) throw Bad("its bytes are not those that were written");

            // From here on the file is as this program wrote it: nothing below can be absent or malformed.
            var totals = new TrainingTotals(Real("first_loss"), Real("last_loss"), Whole("trained_tokens"), Whole("processed_tokens"), Real("seconds"));
            var inputs = new TrainingInputs(facts["options_digest"], facts["rows_digest"], facts["base_digest"], facts["previous_state_digest"]);
            return new TrainingCheckpoint(
                inputs, (int)Whole("step"), (int)Whole("total_steps"), totals, MicroBatching.Read(facts["micro_batches"]), tensors[WeightsName], tensors[MeanName], tensors[VarianceName],
                tensors.GetValueOrDefault(StatisticsName));

            long Whole(string key) => long.Parse(facts[key], CultureInfo.InvariantCulture);

            double Real(string key) => double.Parse(facts[key], CultureInfo.InvariantCulture);
        }
        catch (ModelFormatException malformed)
        {
            throw new CheckpointException(CheckpointFault.Damaged, malformed.Message, malformed);
        }

        CheckpointException Bad(string reason) => new(CheckpointFault.Damaged, $"{path} cannot be continued from: {reason}.");
    }

    /// <summary>A double to the last bit, always as long; a plus sign would be longer in the file, where JSON's writer escapes it.</summary>
    private static string Fixed(double value) => value.ToString("R", CultureInfo.InvariantCulture).Replace("+", "", StringComparison.Ordinal).PadLeft(DoubleWidth);

    /// <summary>SHA-256 over the facts and the tensors' bytes, both in the order of their names.</summary>
    private static string DigestOf(IReadOnlyDictionary<string, string> facts, SortedDictionary<string, Tensor> tensors)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (key, value) in facts.OrderBy(fact => fact.Key, StringComparer.Ordinal)) hash.AppendData(Encoding.UTF8.GetBytes($"{key}={value}\n"));
        foreach (var tensor in tensors.Values) TensorBytes.AppendTo(hash, tensor);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
