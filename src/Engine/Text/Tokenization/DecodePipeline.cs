using System.Text;

namespace ContinualService.Engine.Text.Tokenization;

/// <summary>Runs one text's stages in order; what comes out of the last one is certain.</summary>
internal sealed class DecodePipeline
{
    private readonly StringBuilder _output = new();
    private readonly IReadOnlyList<DecodeStage> _stages;

    public DecodePipeline(IReadOnlyList<DecodeStage> stages)
    {
        _stages = stages;
        for (var i = 0; i < stages.Count; i++)
            stages[i].Next = i + 1 < stages.Count ? stages[i + 1].Push : Emit;
    }

    public void Push(string token)
    {
        if (_stages.Count > 0)
            _stages[0].Push(token);
        else
            Emit(token);
    }

    public void Finish()
    {
        foreach (var stage in _stages)
            stage.Finish();
    }

    /// <summary>The text that came out since the last call.</summary>
    public string Take()
    {
        var text = _output.ToString();
        _output.Clear();
        return text;
    }

    private void Emit(string text) => _output.Append(text);
}
