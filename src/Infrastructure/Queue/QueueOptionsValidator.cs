using ContinualService.Infrastructure.Database;
using Microsoft.Extensions.Options;

namespace ContinualService.Infrastructure.Queue;

/// <summary>Refuses a queue that the chosen database cannot hold.</summary>
internal sealed class QueueOptionsValidator(IOptions<DatabaseOptions> database) : IValidateOptions<QueueOptions>
{
    public ValidateOptionsResult Validate(string? name, QueueOptions options)
    {
        if (options.InvisibilitySeconds is < 5 or > 3600) return ValidateOptionsResult.Fail("Queue:InvisibilitySeconds must lie between 5 and 3600.");
        if (options.Provider == QueueProvider.PostgreSql && database.Value.Provider != DatabaseProvider.PostgreSql)
            return ValidateOptionsResult.Fail("Queue:Provider is postgresql but Database:Provider is not: the queue lies in the service's own database. Set both, or remove Queue:Provider.");
        return ValidateOptionsResult.Success;
    }
}
