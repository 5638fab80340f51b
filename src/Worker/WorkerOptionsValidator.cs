using ContinualService.Infrastructure.Queue;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace ContinualService.Worker;

/// <summary>Refuses an Api that would queue tasks where no worker can hear of them.</summary>
internal sealed class WorkerOptionsValidator(IConfiguration configuration) : IValidateOptions<WorkerOptions>
{
    public ValidateOptionsResult Validate(string? name, WorkerOptions options) =>
        options.Embedded == false && configuration.QueueProvider() == QueueProvider.Memory
            ? ValidateOptionsResult.Fail("Worker:Embedded is false but the queue lies in memory, where no other process hears of tasks. Set Database:Provider (and with it Queue:Provider) to postgresql, or remove Worker:Embedded.")
            : ValidateOptionsResult.Success;
}
