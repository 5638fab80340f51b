using ContinualService.Api.OpenAi.Jobs;
using ContinualService.Domain.Tasks;
using Xunit;

namespace ContinualService.Api.Tests.OpenAi;

public sealed class JobEventsTests
{
    [Theory]
    [InlineData(TaskEventTypes.OutOfMemory, """{"step":3,"rows":2,"recomputes":true,"nextAttempt":false,"scoredTokens":null}""", "Memory ran out in step 3: from there on 2 rows at a time with gradient checkpointing. The batch stays as large.")]
    [InlineData(TaskEventTypes.OutOfMemory, """{"step":9,"rows":null,"recomputes":false,"nextAttempt":false,"scoredTokens":8192}""", "Memory ran out while rows were scored: from there on 8192 tokens at a time.")]
    [InlineData(TaskEventTypes.MemoryPlan, """{"rows":4,"recomputes":false,"scoredTokens":2048}""", "Trains on 4 rows at a time, and scores 2048 tokens at a time, to fit into memory.")]
    [InlineData(TaskEventTypes.MemoryPlan, """{"rows":4,"recomputes":true}""", "Trains on 4 rows at a time with gradient checkpointing, to fit into memory.")] // from before scoring had a size
    [InlineData(TaskEventTypes.RowsLeftOut, """{"rows":30,"tasks":2,"leftOut":140}""", "Scores 30 held-out rows of each earlier task that has more (2 task(s), 140 row(s) left out), as Training:ScoringShare says.")]
    public void Show_OfWhatIsBounded_SaysHowMuchIsTaken(string type, string data, string expected) =>
        Assert.Equal(expected, JobEvents.Show(new TaskEvent { TaskId = "task_0", Number = 1, Type = type, DataJson = data }).Message);
}
