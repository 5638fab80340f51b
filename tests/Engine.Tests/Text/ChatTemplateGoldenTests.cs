using System.Globalization;
using System.Text.Json.Nodes;
using ContinualService.Engine.Text;
using ContinualService.TestKit;
using Xunit;

namespace ContinualService.Engine.Tests.Text;

/// <summary>Real templates against what Jinja2 makes of them under transformers' settings.</summary>
public sealed class ChatTemplateGoldenTests
{
    [Fact]
    public void Render_ConformanceTemplates_EqualJinja2()
    {
        var folder = Shared.Folder("conformance/templates");
        var templates = new Dictionary<string, ChatTemplate>();
        var failures = new List<string>();
        var count = 0;
        foreach (var line in File.ReadLines(Path.Combine(folder, "golden.jsonl")))
        {
            var golden = JsonNode.Parse(line)!;
            var file = (string)golden["file"]!;
            if (!templates.TryGetValue(file, out var template))
                templates[file] = template = ChatTemplate.Parse(File.ReadAllText(Path.Combine(folder, file)));
            count++;
            var expected = Expected(golden["out"]!);
            var actual = Actual(template, golden["req"]!);
            if (actual != expected) failures.Add($"{file} {golden["conv"]}\n  expected {expected}\n  actual   {actual}");
        }

        Assert.True(failures.Count == 0, $"{failures.Count} of {count} differ:\n{string.Join('\n', failures.Take(10))}");
        Assert.True(count > 0);
    }

    private static string Expected(JsonNode output)
    {
        if (output["error"] is { } error) return "error " + ((string)error!).Split(": ", 2)[1];
        var text = (string)output["text"]!;
        var spans = output["generation"]!.AsArray().Select(span => (Utf16(text, (int)span![0]!), Utf16(text, (int)span[1]!)));
        return text + " " + string.Join(' ', spans);
    }

    private static string Actual(ChatTemplate template, JsonNode request)
    {
        try
        {
            var rendered = template.Render(new ChatRenderRequest
            {
                Messages = request["messages"]!.AsArray(),
                Tools = request["tools"]?.AsArray(),
                AddGenerationPrompt = (bool)request["add_generation_prompt"]!,
                BosToken = (string?)request["bos_token"],
                EosToken = (string?)request["eos_token"],
                Now = DateTimeOffset.Parse((string)request["now"]!, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal),
            });
            return rendered.Text + " " + string.Join(' ', rendered.GenerationSpans);
        }
        catch (ChatTemplateException failure)
        {
            // The wording of an error is part of the golden: it says that the same thing failed, not just something.
            Assert.True(failure.Line > 0);
            return "error " + failure.Reason;
        }
    }

    /// <summary>The goldens count code points, as Python does.</summary>
    private static int Utf16(string text, int codePoints)
    {
        var index = 0;
        for (; codePoints > 0; codePoints--) index += char.IsSurrogatePair(text, index) ? 2 : 1;
        return index;
    }
}
