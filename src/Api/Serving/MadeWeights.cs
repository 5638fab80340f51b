using ContinualService.Engine.Lora;

namespace ContinualService.Api.Serving;

/// <summary>Weights that are made when they are opened, and stored nowhere.</summary>
internal static class MadeWeights
{
    /// <summary>Opens the <see cref="PeftAdapter.WeightsFile"/> that was written; closing the stream leaves nothing behind.</summary>
    /// <param name="writeAsync">Writes it into the folder that it is given.</param>
    public static async Task<Stream> OpenAsync(Func<string, Task> writeAsync)
    {
        var folder = Directory.CreateTempSubdirectory("made-").FullName;
        try
        {
            await writeAsync(folder);
            // The open file outlives its folder.
            return new FileStream(Path.Combine(folder, PeftAdapter.WeightsFile), FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.Asynchronous);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
