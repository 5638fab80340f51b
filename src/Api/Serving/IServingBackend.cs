using ContinualService.Engine.Models;

namespace ContinualService.Api.Serving;

/// <summary>
/// Where answers are computed: this process (<see cref="ModelHost"/>) or a fleet of other servers. It is the border of the inference routes: on this side are
/// names, prompts, stop sequences and the shape of the JSON, on the other token ids alone. <c>Serving:Backend</c> chooses one for the process.
/// </summary>
internal interface IServingBackend
{
    /// <summary>Makes a base model, or one version over it, ready for one request.</summary>
    /// <param name="model">The base.</param>
    /// <param name="digest">Its digest.</param>
    /// <param name="version">Null: the base alone.</param>
    /// <param name="cancellationToken">Gives up the wait.</param>
    /// <exception cref="ModelFormatException">The folder holds no model that can be computed.</exception>
    Task<IServedWeights> OpenAsync(CatalogModel model, string digest, ServedVersion? version, CancellationToken cancellationToken);
}
