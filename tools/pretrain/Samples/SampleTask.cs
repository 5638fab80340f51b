namespace ContinualService.Pretrain.Samples;

/// <summary>How a sample file writes its rows: one of the forms that the service detects.</summary>
internal enum SampleForm
{
    Messages,
    PromptCompletion,
    Instruction,
}

/// <summary>One sample task: rows to train on, rows held out for the final score, and rows to choose settings on.</summary>
internal sealed record SampleTask(
    string Name, SampleForm Form, IReadOnlyList<SampleRow> Train, IReadOnlyList<SampleRow> Evaluation, IReadOnlyList<SampleRow> Development);
