using System.Text.Json.Nodes;
using ContinualService.Engine.Continual;
using Xunit;

namespace ContinualService.Engine.Tests.Continual;

public sealed class MethodOptionsTests
{
    public static TheoryData<string> Names => [.. ContinualMethods.Names];

    [Theory]
    [InlineData("ewc", """{"lambda": 5, "decay": 0.5}""", "ewc:lambda=5:decay=0.5")]
    [InlineData("ewc", """{"decay": 0.5, "lambda": 5}""", "ewc:lambda=5:decay=0.5")] // one order, whatever was sent
    [InlineData("ewc", """{"lambda": 100}""", "ewc")] // the default is no choice
    [InlineData("slao", """{"init": "random"}""", "slao:init=random")]
    [InlineData("nmt-lora", """{"keepPairs": true}""", "nmt-lora:keepPairs=true")]
    [InlineData("seqlora", "{}", "seqlora")]
    public void Label_OfOptions_IsWhatParseReads(string name, string options, string label)
    {
        Assert.Equal(label, ContinualMethods.ByName(name, options).Label());
        Assert.Equal(label, ContinualMethods.Parse(label).Label());
    }

    [Theory]
    [InlineData("ewc", """{"lambda": -1}""", "lambda", "a number from 0 to 1000000000")]
    [InlineData("ewc", """{"lambda": "much"}""", "lambda", "a number")]
    [InlineData("ewc", """{"decay": 1.5}""", "decay", "a number from 0 to 1")]
    [InlineData("ewc", """{"fisherRows": 1.5}""", "fisherRows", "a whole number")]
    [InlineData("ewc", """{"fisherRows": 0}""", "fisherRows", "a whole number")]
    [InlineData("ewc", """{"fisherRows": 1000001}""", "fisherRows", "a whole number")]
    [InlineData("ewc", """{"gamma": 1}""", "gamma", "decay (a number from 0 to 1; default 0.95)")]
    [InlineData("slao", """{"merge": "both"}""", "merge", "freb-ma")]
    [InlineData("nmt-lora", """{"keepPairs": "yes"}""", "keepPairs", "true or false")]
    [InlineData("nmt-lora", """{"keepPairs": null}""", "keepPairs", "true or false")]
    [InlineData("seqlora", """{"beta": 1}""", "beta", "the method has no options")]
    public void Check_BadOption_NamesItAndTheChoices(string name, string options, string option, string says)
    {
        var fault = Assert.Single(ContinualMethods.Check(name, (JsonObject)JsonNode.Parse(options)!));

        Assert.Equal(option, fault.Option);
        Assert.Contains(says, fault.Reason + fault.Mend, StringComparison.Ordinal);
        Assert.Contains(option, Assert.Throws<ArgumentException>(() => ContinualMethods.ByName(name, options)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("magic", "slao, seqlora")]
    [InlineData("ewc:lambda", "name=value")]
    [InlineData("ewc:lambda=1:lambda=2", "each name once")]
    [InlineData("ewc:lambda=NaN", "lambda")]
    public void Parse_BadText_SaysWhatToWrite(string text, string says) =>
        Assert.Contains(says, Assert.Throws<ArgumentException>(() => ContinualMethods.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Names))]
    public void ToJson_OfDefaults_MakesTheSameMethod(string name)
    {
        var method = ContinualMethods.ByName(name);

        Assert.Equal(name, ContinualMethods.ByName(name, method.Options.ToJson().ToJsonString()).Label());
        Assert.Empty(method.Options.ChosenJson());
    }
}
