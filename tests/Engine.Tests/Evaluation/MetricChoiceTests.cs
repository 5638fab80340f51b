using ContinualService.Engine.Data;
using ContinualService.Engine.Evaluation;
using Xunit;

namespace ContinualService.Engine.Tests.Evaluation;

public sealed class MetricChoiceTests
{
    [Fact]
    public void Choose_FewShortAnswers_IsExactMatch() => Assert.Equal(TaskMetric.ExactMatch, MetricChoice.Choose(Rows("yes", "no", "yes", "no", "no")));

    [Fact]
    public void Choose_AnswersThatDoNotRepeat_IsRougeL() => Assert.Equal(TaskMetric.RougeL, MetricChoice.Choose(Rows("one", "two", "three", "one")));

    [Fact]
    public void Choose_LongAnswers_IsRougeL()
    {
        var answer = new string('a', 65);
        Assert.Equal(TaskMetric.RougeL, MetricChoice.Choose(Rows(answer, answer, answer)));
    }

    [Fact]
    public void Choose_TextOrNoQuestion_IsLoss()
    {
        Assert.Equal(TaskMetric.Loss, MetricChoice.Choose([TaskExample.FromText("once")]));
        var parsed = TaskFileParser.Parse("""{"messages": [{"role": "assistant", "content": "hi"}]}"""u8.ToArray(), "");
        Assert.Equal(TaskMetric.Loss, MetricChoice.Choose(parsed.Examples));
        Assert.Equal(TaskMetric.Loss, MetricChoice.Choose([]));
    }

    [Fact]
    public void Labels_Rows_AreTheDistinctAnswersInOrder() => Assert.Equal(["b", "a"], MetricChoice.Labels(Rows("b", "a", "b")));

    [Theory]
    [InlineData(TaskMetric.ExactMatch, "exact_match")]
    [InlineData(TaskMetric.LabelLikelihood, "label_likelihood")]
    [InlineData(TaskMetric.RougeL, "rouge_l")]
    [InlineData(TaskMetric.Loss, "loss")]
    public void WireName_EachMetric_ParsesBack(TaskMetric metric, string name)
    {
        Assert.Equal(name, metric.WireName());
        Assert.Equal(metric, TaskMetricNames.Parse(name));
        Assert.Null(TaskMetricNames.Parse(name + "x"));
    }

    [Fact]
    public void ForMatrix_Loss_IsNegatedWithItsEndsExchanged()
    {
        Assert.Equal((-2, -3, -1), new TaskScore(2, 5, 1, 3, [], TaskMetric.Loss).ForMatrix());
        Assert.Equal((2, 1, 3), new TaskScore(2, 5, 1, 3, [], TaskMetric.RougeL).ForMatrix());
    }

    private static TaskExample[] Rows(params string[] answers) => [.. answers.Select((answer, index) => TaskExample.FromPrompt(null, $"question {index}", answer))];
}
