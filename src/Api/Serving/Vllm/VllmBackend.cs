using ContinualService.Api.Models;
using ContinualService.Api.OpenAi;
using ContinualService.Engine.Models;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>
/// Answers by a fleet of vLLM servers. No weights of a base come into this process: prompts are rendered and turned into ids here, with the very template and
/// tokenizer that training used, and ids come back.
/// </summary>
internal sealed class VllmBackend(VllmFleet fleet, VllmFolder folder, ModelTexts texts, IOptions<VllmOptions> options, ILogger<VllmBackend> logger) : IServingBackend
{
    public async Task<IServedWeights> OpenAsync(CatalogModel model, string digest, ServedVersion? version, CancellationToken cancellationToken)
    {
        if (!fleet.Serves(model.Name))
            throw OpenAiException.NoModel(model.Name, "no server of the fleet serves this base model. Ask the operator to name it in Serving:Vllm:Models.");
        var text = await Task.Run(() => texts.Of(model), cancellationToken);
        return new VllmWeights(model.Name, text, version, fleet, folder.Owner, options.Value, logger);
    }
}
