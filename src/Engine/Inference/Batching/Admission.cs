namespace ContinualService.Engine.Inference.Batching;

/// <summary>Whether a request was taken in line.</summary>
public enum Admission
{
    Taken,

    /// <summary>Too many requests wait.</summary>
    Full,

    /// <summary>Too many requests of this owner wait.</summary>
    OwnerFull,
}
