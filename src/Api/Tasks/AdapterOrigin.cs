namespace ContinualService.Api.Tasks;

/// <summary>Where the adapter of a checked task comes from.</summary>
internal enum AdapterOrigin
{
    /// <summary>It is there.</summary>
    Present,

    /// <summary>It is made with the task, as the tenant's default one.</summary>
    NewDefault,

    /// <summary>It is made with the task, under the first free form of its name.</summary>
    New,
}
