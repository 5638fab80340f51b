using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker.Upkeep;

/// <summary>Refuses an age at which an object may still be on its way to the row that names it.</summary>
internal sealed class CollectOptionsValidator(IHostEnvironment environment, IOptions<TrainingSettings> training) : IValidateOptions<CollectOptions>
{
    // A store may show bytes that were just put as an hour old, and clocks differ; uploads, transactions and their retries take minutes.
    private static readonly TimeSpan Least = TimeSpan.FromHours(2);

    public ValidateOptionsResult Validate(string? name, CollectOptions options)
    {
        var least = Least + TimeSpan.FromSeconds(training.Value.OutageSeconds);
        // Tests cannot wait for hours; nothing of theirs is worth keeping.
        if (options.CollectAfter >= least || !environment.IsProduction()) return ValidateOptionsResult.Success;
        return ValidateOptionsResult.Fail(FormattableString.Invariant(
            $"Storage:CollectAfterHours is {options.CollectAfterHours}: objects that a request or run has stored and not yet named would be deleted. Set it to at least {least.TotalHours:0.##} (two hours and Training:OutageSeconds)."));
    }
}
