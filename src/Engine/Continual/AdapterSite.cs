using ContinualService.Engine.Models;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>The state of one adapted layer.</summary>
/// <param name="Site">The layer.</param>
/// <param name="AFineTuned">float32 [R, in]: A of the last fine-tune, which is also the A that serves.</param>
/// <param name="BFineTuned">float32 [out, R]: B of the last fine-tune, where the next task starts.</param>
/// <param name="BMerged">float32 [out, R]: the B that serves.</param>
public sealed record AdapterSite(LinearSite Site, Tensor AFineTuned, Tensor BFineTuned, Tensor BMerged);
