using ContinualService.Engine.Data;
using ContinualService.Pretrain.Samples;
using ContinualService.TestKit;
using Xunit;

namespace ContinualService.Tools.Tests.Samples;

public sealed class SampleFilesTests
{
    private static readonly string Folder = Checkout.PathOf("samples/tasks");

    [Fact]
    public void Files_AreWhatTheCommandWrites()
    {
        var written = Directory.CreateTempSubdirectory("samples-");
        try
        {
            SampleFiles.Write(written.FullName, SampleFiles.Seed);
            var files = Directory.GetFiles(written.FullName, "*.jsonl", SearchOption.AllDirectories);
            Assert.NotEmpty(files);
            foreach (var file in files)
                Assert.Equal(File.ReadAllText(file), File.ReadAllText(Path.Combine(Folder, Path.GetRelativePath(written.FullName, file))));
        }
        finally
        {
            written.Delete(recursive: true);
        }
    }

    [Fact]
    public void Files_ByTheServicesParser_AreValidAndUseSeveralForms()
    {
        var formats = new HashSet<RowFormat>();
        foreach (var path in Directory.GetFiles(Folder, "*.jsonl", SearchOption.AllDirectories))
        {
            using var stream = File.OpenRead(path);
            var parsed = TaskFileParser.Parse(stream, Path.GetFileName(path));
            Assert.True(parsed.IsValid, $"{path}: {string.Join(' ', parsed.Errors)}");
            Assert.Equal(0, parsed.DuplicateCount);
            formats.Add(parsed.Format!.Value);
        }

        Assert.Equal(3, formats.Count);
    }

    [Fact]
    public void Prompts_OfOneTask_StandInOneFileOnly()
    {
        foreach (var task in SampleTasks.Create(SampleFiles.Seed))
        {
            var prompts = task.Train.Concat(task.Evaluation).Concat(task.Development).Select(row => row.Prompt).ToList();
            Assert.Equal(prompts.Count, prompts.Distinct(StringComparer.Ordinal).Count());
        }
    }
}
