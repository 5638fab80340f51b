namespace ContinualService.Engine.Models;

/// <summary>In what numbers a frozen base is kept to train on: <see cref="Int8"/> and <see cref="Int4"/> the matrices of its blocks, which are made whole to compute with, the others all of it.</summary>
public enum BaseFormat
{
    /// <summary>Those it computes in, or those of its file where they are narrower and lie in the host's memory.</summary>
    Full,

    /// <summary>bfloat16, and computed in it, whatever it is scored and served in: half the memory, and twice the speed of products on a processor with instructions for it.</summary>
    Bfloat16,

    /// <summary><see cref="Int8Rows"/>: 8 bits, and a scale for each row.</summary>
    Int8,

    /// <summary><see cref="NormalFloat4"/>: 4 bits, and a scale for 64 of them.</summary>
    Int4,
}
