namespace ContinualService.Engine.Models;

/// <summary>In what numbers the matrices of a frozen base's blocks are kept.</summary>
public enum BaseFormat
{
    /// <summary>Those it computes in, or those of its file where they are narrower and lie in the host's memory.</summary>
    Full,

    /// <summary><see cref="Int8Rows"/>: 8 bits, and a scale for each row.</summary>
    Int8,

    /// <summary><see cref="NormalFloat4"/>: 4 bits, and a scale for 64 of them.</summary>
    Int4,
}
