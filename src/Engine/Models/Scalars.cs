using TorchSharp;

namespace ContinualService.Engine.Models;

/// <summary>
/// Scalars that live as long as the process. A number that is passed to an operator becomes an object with a finaliser, which nothing holds once its handle is read (TorchSharp 0.107): a collection on another
/// thread can free it in the middle of the call. What runs in every layer of every step takes these, or one in a <c>using</c>.
/// </summary>
internal static class Scalars
{
    public static readonly Scalar One = 1;
    public static readonly Scalar MinusOne = -1;
}
