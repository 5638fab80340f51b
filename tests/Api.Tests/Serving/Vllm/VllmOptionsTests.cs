using ContinualService.Api.Serving;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace ContinualService.Api.Tests.Serving.Vllm;

public sealed class VllmOptionsTests
{
    private const string Model = "Serving:Vllm:Models:tiny";

    [Theory]
    [InlineData("Serving:Backend", "vlm", "Serving:Backend must be local")]
    [InlineData($"{Model}:ServedName", "", "ServedName is missing. Set it")]
    [InlineData($"{Model}:Servers:0", "", "Servers is empty. Set")]
    [InlineData($"{Model}:Servers:0", "gpu-1:8000", "'gpu-1:8000'. Set it to a server's address")]
    [InlineData($"{Model}:Servers:0", "http://127.0.0.1:1/v1", "without a path")]
    [InlineData($"{Model}:Servers:1", "http://127.0.0.1:1/", "2 times. A vLLM server serves one base model")]
    [InlineData("Serving:Vllm:AdaptersFolder", "", "AdaptersFolder is ''")]
    [InlineData("Serving:Vllm:AdaptersFolder", "/nowhere/at/all", "no folder here. Make it, or mount it")]
    [InlineData("Serving:Vllm:ServersAdaptersFolder", "adapters", "whole path of the adapters' folder on the servers")]
    [InlineData("Serving:Vllm:ApiKey", "a key\n", "printable ASCII")]
    [InlineData("Serving:Vllm:MaxAdapters", "0", "MaxAdapters")]
    [InlineData("Serving:Vllm:AnswerSeconds", "0", "AnswerSeconds")]
    public void Start_WithAWrongSetting_IsRefusedWithWhatToDo(string key, string value, string says)
    {
        var folder = Directory.CreateTempSubdirectory("fleet-");
        var settings = new Dictionary<string, string>
        {
            ["Serving:Backend"] = "vllm",
            ["Serving:Vllm:AdaptersFolder"] = folder.FullName,
            [$"{Model}:ServedName"] = "base",
            [$"{Model}:Servers:0"] = "http://127.0.0.1:1",
            [key] = value,
        };

        Assert.Contains(says, Fault(settings)?.Message, StringComparison.Ordinal);
        folder.Delete(recursive: true);
    }

    [Fact]
    public void Start_WithoutModels_IsRefusedWithWhatToDo()
    {
        var settings = new Dictionary<string, string> { ["Serving:Backend"] = "vllm", ["Serving:Vllm:AdaptersFolder"] = Path.GetTempPath() };

        Assert.Contains("Serving:Vllm:Models is empty. Name each", Fault(settings)?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Start_OfTheLocalBackend_NeedsNothingOfAFleet() => Assert.Null(Fault([]));

    /// <summary>What the host's look at the settings, before it starts anything, finds wrong.</summary>
    private static OptionsValidationException? Fault(Dictionary<string, string> settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Where(setting => setting.Value.Length > 0).Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value))).Build();
        using var services = new ServiceCollection().AddSingleton<IConfiguration>(configuration).AddServing(configuration).BuildServiceProvider();
        return Record.Exception(services.GetRequiredService<IStartupValidator>().Validate) switch
        {
            null => null,
            OptionsValidationException one => one,
            var other => throw other,
        };
    }
}
