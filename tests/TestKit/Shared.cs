using Xunit;

namespace ContinualService.TestKit;

/// <summary>Finds reference data that stands in a folder <c>shared</c> beside the checkout and is no part of the product.</summary>
public static class Shared
{
    /// <summary>
    /// The full path of a folder or file under <c>shared</c>. Where it is absent the calling test is skipped with the reason;
    /// in CI (<c>CI=true</c>) it fails instead, so that a green run never hides a check that did not happen.
    /// </summary>
    public static string Folder(string relativePath)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared", relativePath);
            if (Directory.Exists(candidate) || File.Exists(candidate)) return candidate;
        }

        var reason = $"shared/{relativePath} is not beside this checkout; put the reference data there to run this test.";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(reason);
        Assert.Skip(reason);
        return reason;
    }
}
