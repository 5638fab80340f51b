using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace ContinualService.TestKit.Llama;

/// <summary>llama.cpp, as the prebuilt CPU binary of an npm package, computing in float32: what others make of our files.</summary>
public static class LlamaCpp
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>The logits after each of the ids, [T][V]. Where the package is not installed the calling test is skipped; in CI it fails.</summary>
    /// <param name="modelPath">A base in GGUF.</param>
    /// <param name="loraPath">A LoRA in GGUF, applied with scale 1; null: the base alone.</param>
    /// <param name="ids">At most 256.</param>
    public static async Task<float[][]> LogitsAsync(string modelPath, string? loraPath, int[] ids, CancellationToken cancellationToken)
    {
        var folder = Checkout.PathOf("tests/TestKit/llama");
        RequireInstalled(folder);
        var start = new ProcessStartInfo("node", [Path.Combine(folder, "logits.mjs")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["NODE_LLAMA_CPP_SKIP_DOWNLOAD"] = "true";
        using var process = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.StandardInput.WriteAsync(JsonSerializer.Serialize(new { model = modelPath, lora = loraPath, ids }).AsMemory(), limit.Token);
            process.StandardInput.Close();
            var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            Assert.True(process.ExitCode == 0, $"llama.cpp ended with status {process.ExitCode}: {await errors}");
            return JsonSerializer.Deserialize<float[][]>(output)!;
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    private static void RequireInstalled(string folder)
    {
        if (Directory.Exists(Path.Combine(folder, "node_modules", "node-llama-cpp"))) return;
        const string Reason = "llama.cpp is not installed; run: cd tests/TestKit/llama && npm ci";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(Reason);
        Assert.Skip(Reason);
    }
}
