namespace ContinualService.Engine.Training;

/// <summary>Why a checkpoint cannot be continued.</summary>
public enum CheckpointFault
{
    /// <summary>The file is no whole checkpoint, or its bytes are not those that were written.</summary>
    Damaged,

    /// <summary>Another version of this program wrote it.</summary>
    OtherFormat,

    /// <summary>It was made with other training options, another shape of adapter, another method or on another kind of device.</summary>
    OtherOptions,

    /// <summary>It was made of other rows.</summary>
    OtherRows,

    /// <summary>It was made on another base model.</summary>
    OtherBase,

    /// <summary>It was made from another state of the adapter.</summary>
    OtherPreviousState,
}
