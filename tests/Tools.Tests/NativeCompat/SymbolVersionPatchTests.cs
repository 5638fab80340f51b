using System.Text;
using ContinualService.NativeCompat;
using Xunit;

namespace ContinualService.Tools.Tests.NativeCompat;

public sealed class SymbolVersionPatchTests
{
    private static readonly byte[] MissingSymbol = Encoding.ASCII.GetBytes("\0_ZSt21ios_base_library_initv\0");

    [Fact]
    public void Apply_PackagedLibrary_RepointsTheNeedAndKeepsTheLength()
    {
        var original = PackagedLibrary();
        var image = original.ToArray();
        Assert.Equal(new SymbolVersionPatch.Outcome(true, null), SymbolVersionPatch.Apply(image));
        Assert.Equal(original.Length, image.Length);
        Assert.True(original.AsSpan().IndexOf(MissingSymbol) >= 0);
        Assert.True(image.AsSpan().IndexOf(MissingSymbol) < 0);
    }

    [Fact]
    public void Apply_SecondTime_ChangesNothing()
    {
        var once = PackagedLibrary();
        SymbolVersionPatch.Apply(once);
        var twice = once.ToArray();
        Assert.Equal(new SymbolVersionPatch.Outcome(false, null), SymbolVersionPatch.Apply(twice));
        Assert.True(once.AsSpan().SequenceEqual(twice));
    }

    [Fact]
    public void Apply_LibraryWithoutTheKnownSymbol_SaysSoAndChangesNothing()
    {
        var image = PackagedLibrary();
        image[image.AsSpan().IndexOf(MissingSymbol) + 1] = (byte)'X';
        var before = image.ToArray();
        var outcome = SymbolVersionPatch.Apply(image);
        Assert.False(outcome.Changed);
        Assert.Contains("_ZSt21ios_base_library_initv", outcome.Error, StringComparison.Ordinal);
        Assert.True(before.AsSpan().SequenceEqual(image));
    }

    [Fact]
    public void Apply_NoElfFile_SaysSo() => Assert.Contains("ELF64", SymbolVersionPatch.Apply(new byte[100]).Error, StringComparison.Ordinal);

    /// <summary>The library as the package brings it; the one in the output folder may be patched already.</summary>
    private static byte[] PackagedLibrary()
    {
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        return File.ReadAllBytes(Path.Combine(packages, "torchsharp", "0.107.0", "runtimes", "linux-x64", "native", "libLibTorchSharp.so"));
    }
}
