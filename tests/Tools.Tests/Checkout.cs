namespace ContinualService.Tools.Tests;

/// <summary>Files of the repository that the tests stand in.</summary>
internal static class Checkout
{
    public static string PathOf(string relativePath)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "ContinualService.sln"))) return Path.Combine(folder.FullName, relativePath);
        }

        throw new InvalidOperationException($"ContinualService.sln is in no folder above {AppContext.BaseDirectory}.");
    }
}
