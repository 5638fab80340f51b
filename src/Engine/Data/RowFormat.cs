namespace ContinualService.Engine.Data;

/// <summary>The row shapes a task file may have; one file has one of them.</summary>
public enum RowFormat
{
    /// <summary>{"messages": [{"role", "content", "weight"?}]}</summary>
    Messages,

    /// <summary>{"prompt", "completion"}</summary>
    PromptCompletion,

    /// <summary>{"instruction", "input"?, "output", "references"?, "system"?}</summary>
    Instruction,

    /// <summary>{"conversations": [{"from", "value"}]}</summary>
    Conversations,

    /// <summary>{"text"}</summary>
    Text,

    /// <summary>{"prompt", "answer"}</summary>
    PromptAnswer,
}
