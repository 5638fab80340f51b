using ContinualService.NativeCompat;

// Usage: native-compat LIBRARY. Re-points one symbol version of a COPIED libLibTorchSharp.so where this host's libstdc++ lacks it.
if (args.Length != 1)
{
    Console.Error.WriteLine("usage: native-compat <path to the copied libLibTorchSharp.so>");
    return 2;
}

if (HostLibrary.Provides(SymbolVersionPatch.MissingVersion))
{
    Console.WriteLine($"native-compat: this host provides {SymbolVersionPatch.MissingVersion}; nothing to do");
    return 0;
}

var image = File.ReadAllBytes(args[0]);
var outcome = SymbolVersionPatch.Apply(image);
if (outcome.Error is not null)
{
    Console.Error.WriteLine(
        $"native-compat: {args[0]}: {outcome.Error}. The library differs from the one this step knows (TorchSharp 0.107.0): "
        + "build on a host with GCC 13's libstdc++ or newer (Debian 13, Ubuntu 24.04), or mend tools/native-compat.");
    return 1;
}

if (outcome.Changed)
{
    // A new file takes the old one's name: the output folder holds a hard link to the package cache, which must stay as it is.
    var written = args[0] + ".tmp";
    var stamp = File.GetLastWriteTimeUtc(args[0]);
    File.WriteAllBytes(written, image);
    File.SetLastWriteTimeUtc(written, stamp);
    File.Move(written, args[0], overwrite: true);
}

Console.WriteLine($"native-compat: {args[0]}: {(outcome.Changed ? $"re-pointed {SymbolVersionPatch.MissingVersion} at {SymbolVersionPatch.PresentVersion}" : "already done")}");
return 0;
