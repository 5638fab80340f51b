namespace ContinualService.Api;

/// <summary>New files that nobody but the service's own user can read.</summary>
internal static class OwnerOnlyFile
{
    /// <exception cref="IOException">There is a file at the path.</exception>
    public static FileStream Create(string path, FileOptions options = FileOptions.None)
    {
        var how = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Read | FileShare.Delete, Options = options };
        if (!OperatingSystem.IsWindows()) how.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, how);
    }

    /// <summary>A file of a random name in the folder for temporary files; closing it deletes it.</summary>
    public static FileStream CreateTemporary() => Create(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), FileOptions.DeleteOnClose | FileOptions.Asynchronous);
}
