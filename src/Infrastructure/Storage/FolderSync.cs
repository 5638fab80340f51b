using System.ComponentModel;
using System.Runtime.InteropServices;

namespace ContinualService.Infrastructure.Storage;

/// <summary>Writes a folder's list of names to the disk. .NET opens no folders, so this asks the C library.</summary>
internal static partial class FolderSync
{
    private const int ReadOnly = 0;

    public static void Sync(string folder)
    {
        var descriptor = Open(folder, ReadOnly);
        if (descriptor < 0) throw new IOException($"{folder} cannot be opened.", new Win32Exception(Marshal.GetLastPInvokeError()));
        var failed = Flush(descriptor) != 0;
        var error = Marshal.GetLastPInvokeError();
        _ = Close(descriptor);
        if (failed) throw new IOException($"{folder} cannot be written to the disk.", new Win32Exception(error));
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
