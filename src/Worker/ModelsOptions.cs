using System.ComponentModel.DataAnnotations;

namespace ContinualService.Worker;

/// <summary>Section <c>Models</c>: the base models on offer.</summary>
public sealed class ModelsOptions
{
    public const string Section = "Models";

    /// <summary>Folder whose subfolders are models in Hugging Face layout; relative to the content root. Null: the nearest folder <c>models</c> above the program.</summary>
    public string? Root { get; set; }

    /// <summary>The model of an adapter that names none. Where it is absent and there is only one model, that one.</summary>
    public string Default { get; set; } = "tiny-llama";

    /// <summary>What bases compute in, in training, scoring and serving: float32 or bfloat16. A LoRA's masters are float32 either way.</summary>
    [Required(ErrorMessage = "Models:Precision is empty. Set it to float32 or bfloat16, or remove it.")]
    [RegularExpression("float32|bfloat16", ErrorMessage = "Models:Precision must be float32 (the default) or bfloat16 (half the memory; best on GPUs, and on processors with bf16 instructions).")]
    public string Precision { get; set; } = "float32";

    /// <summary>The folder that <see cref="Root"/> means.</summary>
    internal string FindRoot(string contentRoot)
    {
        if (Root is not null) return Path.GetFullPath(Path.Combine(contentRoot, Root));
        foreach (var start in new[] { contentRoot, AppContext.BaseDirectory })
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                var candidate = Path.Combine(folder.FullName, "models");
                if (Directory.Exists(candidate) && Directory.EnumerateDirectories(candidate).Any(model => File.Exists(Path.Combine(model, "config.json")))) return candidate;
            }
        }

        return Path.Combine(contentRoot, "models");
    }
}
