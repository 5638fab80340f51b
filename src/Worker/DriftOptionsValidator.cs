using Microsoft.Extensions.Options;

namespace ContinualService.Worker;

/// <summary>What attributes cannot say.</summary>
internal sealed class DriftOptionsValidator : IValidateOptions<DriftOptions>
{
    public ValidateOptionsResult Validate(string? name, DriftOptions options)
    {
        if (options.Canaries.Count > DriftOptions.MostCanaries) return ValidateOptionsResult.Fail($"Drift:Canaries has {options.Canaries.Count} prompts. Give at most {DriftOptions.MostCanaries}.");
        return options.Canaries.Any(text => string.IsNullOrWhiteSpace(text) || text.Length > DriftOptions.LongestCanary)
            ? ValidateOptionsResult.Fail($"Drift:Canaries has a prompt that is empty or too long. Give 1 to {DriftOptions.LongestCanary} characters each.")
            : ValidateOptionsResult.Success;
    }
}
