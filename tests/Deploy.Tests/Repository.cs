namespace ContinualService.Deploy.Tests;

/// <summary>The files of this checkout.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string PathOf(string relativePath) => Path.Combine(Root, relativePath);

    public static string Read(string relativePath) => File.ReadAllText(PathOf(relativePath));

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "ContinualService.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException("ContinualService.sln is in no folder above the tests; run them from a checkout.");
    }
}
