using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Engine.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Engine.Continual;

/// <summary>The pairs of all tasks side by side: the A of T tasks above one another and their B beside one another, so that one product gives the sum of all.</summary>
internal static class PairStack
{
    public const string StackedA = "a_tasks";
    public const string StackedB = "b_tasks";

    /// <summary>[T R, in] and [out, T R].</summary>
    public static IReadOnlyList<StateTensor> Layout(LoraConfig config, LinearSite site, int taskIndex) =>
        [StateTensor.LikeA(StackedA, config, site, taskIndex), StateTensor.LikeB(StackedB, config, site, taskIndex)];

    /// <summary>Adds the newest task's pair at the end; copies.</summary>
    public static Dictionary<string, Tensor> Append(AdapterSite? previous, LoraPair pair)
    {
        var (a, b) = (pair.A.detach(), pair.B.detach());
        return new()
        {
            [StackedA] = previous is null ? a.clone() : cat([previous.Tensors[StackedA], a], 0), // [T R, in]
            [StackedB] = previous is null ? b.clone() : cat([previous.Tensors[StackedB], b], 1), // [out, T R]
        };
    }

    /// <summary>The state of a method that keeps the pairs of all tasks and nothing else.</summary>
    public static AdapterState Finish(IContinualMethod method, LoraConfig config, Tuning tuned, AdapterState? previous)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new AdapterState(config, method, (previous?.TaskIndex ?? 0) + 1, [.. tuned.Lora.Pairs.Select((pair, index) => new AdapterSite(pair.Site, Append(previous?.Sites[index], pair)))]);
    }

    /// <summary>The state without the pair of one task (1-based) and with one task fewer; of what else is kept, the tensors named in <paramref name="byTask"/> lose its column. Copies.</summary>
    public static AdapterState Without(AdapterState state, int task, params ReadOnlySpan<string> byTask)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(state.TaskIndex, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(task, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(task, state.TaskIndex);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        List<AdapterSite> sites = [];
        foreach (var site in state.Sites)
        {
            Dictionary<string, Tensor> tensors = [];
            foreach (var (name, tensor) in site.Tensors)
                tensors[name] = name == StackedA ? Cut(tensor, 0) : name == StackedB || byTask.Contains(name) ? Cut(tensor, 1) : tensor.clone();
            sites.Add(new AdapterSite(site.Site, tensors));
        }

        return new AdapterState(state.Config, state.Method, state.TaskIndex - 1, sites);

        Tensor Cut(Tensor tensor, int dimension)
        {
            var width = tensor.shape[dimension] / state.TaskIndex;
            return cat([tensor.narrow(dimension, 0, (task - 1) * width), tensor.narrow(dimension, task * width, tensor.shape[dimension] - task * width)], dimension);
        }
    }

    /// <summary>All pairs as one; copies.</summary>
    public static (Tensor A, Tensor B) Serve(AdapterSite site) => (site.Tensors[StackedA].clone(), site.Tensors[StackedB].clone());

    /// <summary>The pairs of the tasks so far as one frozen pair of each layer, under the scale of one task's shape.</summary>
    public static IReadOnlyList<LoraPair> Frozen(AdapterState state) =>
        [.. state.Sites.Select(site => new LoraPair(site.Site, site.Tensors[StackedA], site.Tensors[StackedB], state.Config.ScaleOf(site.Site.Path)))];
}
