using System.Text.Json.Nodes;
using ContinualService.Domain.Tasks;

namespace ContinualService.Api.OpenAi.Jobs;

/// <summary>The hyperparameters of a job as the OpenAI interface names them; null: auto, the service's default.</summary>
/// <param name="Epochs">n_epochs.</param>
/// <param name="BatchSize">batch_size, rows per step.</param>
/// <param name="LearningRateMultiplier">learning_rate_multiplier, times the service's default rate.</param>
internal sealed record JobHyperparameters(int? Epochs, int? BatchSize, double? LearningRateMultiplier)
{
    private const string Supervised = "supervised";
    private const string Field = "hyperparameters";
    private static readonly Hyperparameters Defaults = new();
    private static readonly double LargestMultiplier = 1 / Defaults.LearningRate;

    /// <summary>Reads <c>method.supervised.hyperparameters</c> and the older <c>hyperparameters</c>; the two may not contradict each other.</summary>
    /// <exception cref="OpenAiException">400, naming the option.</exception>
    public static JobHyperparameters Read(RequestFields body)
    {
        var (older, newer) = (Values(body.Inner(Field)), Method(body.Inner("method")));
        return new JobHyperparameters(
            One("n_epochs", newer.Epochs, older.Epochs), One("batch_size", newer.BatchSize, older.BatchSize),
            One("learning_rate_multiplier", newer.LearningRateMultiplier, older.LearningRateMultiplier));
    }

    /// <summary>What the client is shown: the values that are used.</summary>
    public static JobHyperparametersResponse Show(Hyperparameters used) =>
        new(used.Epochs, used.BatchSize, Rounded(used.LearningRate / Defaults.LearningRate));

    /// <summary>The fields of a submission; what is not there keeps its default.</summary>
    public JsonObject ToSubmission(int? seed)
    {
        var fields = new JsonObject();
        if (Epochs is { } epochs) fields["epochs"] = epochs;
        if (BatchSize is { } rows) fields["batchSize"] = rows;
        if (LearningRateMultiplier is { } multiplier) fields["learningRate"] = multiplier * Defaults.LearningRate;
        if (seed is { } given) fields["seed"] = given;
        return fields;
    }

    private static JobHyperparameters Method(RequestFields? method)
    {
        if (method is null) return new JobHyperparameters(null, null, null);
        var type = method.Text("type") ?? throw OpenAiException.Missing("method.type", $"'method.type' is missing. Send {Supervised}.");
        if (type != Supervised) throw OpenAiException.Invalid("method.type", $"The method '{type}' is not supported. Send {Supervised}.");
        var supervised = method.Inner(Supervised);
        method.RefuseUnknown();
        var values = Values(supervised?.Inner(Field));
        supervised?.RefuseUnknown();
        return values;
    }

    private static JobHyperparameters Values(RequestFields? fields)
    {
        if (fields is null) return new JobHyperparameters(null, null, null);
        var values = new JobHyperparameters(
            fields.IsAuto("n_epochs") ? null : fields.Whole("n_epochs", 1, 1000),
            fields.IsAuto("batch_size") ? null : fields.Whole("batch_size", 1, 1024),
            fields.IsAuto("learning_rate_multiplier") ? null : fields.Number("learning_rate_multiplier", 0, LargestMultiplier));
        fields.RefuseUnknown();
        return values;
    }

    private static T? One<T>(string name, T? newer, T? older)
        where T : struct
    {
        if (newer is { } left && older is { } right && !left.Equals(right))
            throw OpenAiException.Invalid($"{Field}.{name}", $"'{Field}.{name}' and 'method.{Supervised}.{Field}.{name}' differ. Send one of them.");
        return newer ?? older;
    }

    // A product of two decimals divided by one of them is itself again but for the last bits of the binary fraction.
    private static double Rounded(double value) => double.Parse(value.ToString("G12", System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture);
}
