namespace ContinualService.TestKit.Servers;

/// <summary>Finds the programs of the test servers.</summary>
internal static class InstalledProgram
{
    /// <summary>The full path of a program in PATH or in one of the folders given.</summary>
    /// <exception cref="FileNotFoundException">It is nowhere; the message names the package to install.</exception>
    public static string Find(string name, string package, params IEnumerable<string> furtherFolders) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(furtherFolders)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists)
        ?? throw new FileNotFoundException(
            $"The program {name} is missing, and the tests start a server with it. Install it: apt-get install --no-install-recommends {package}");
}
