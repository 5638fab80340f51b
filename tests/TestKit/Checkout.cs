namespace ContinualService.TestKit;

/// <summary>Files of the repository that the running test or benchmark was built in.</summary>
public static class Checkout
{
    /// <summary>The full path of a file of the repository.</summary>
    /// <exception cref="InvalidOperationException">The program does not run from a folder of a checkout.</exception>
    public static string PathOf(string relativePath)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "ContinualService.sln"))) return Path.Combine(folder.FullName, relativePath);
        }

        throw new InvalidOperationException($"ContinualService.sln is in no folder above {AppContext.BaseDirectory}; run it from a checkout.");
    }

    /// <summary>
    /// The full path of a program of the service, such as <c>ContinualService.Api.dll</c>, as an image holds it: published, and compiled ahead of time.
    /// The calling project imports build/PublishedService.targets, which puts it there.
    /// </summary>
    public static string Program(string fileName) => PathOf(Path.Combine("bin", "service", fileName));
}
