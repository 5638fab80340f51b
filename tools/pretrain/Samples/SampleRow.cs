namespace ContinualService.Pretrain.Samples;

/// <summary>One row of a sample task. <see cref="Instruction"/> may be empty: then the input is the whole prompt.</summary>
internal sealed record SampleRow(string Instruction, string Input, string Answer)
{
    public string Prompt => Instruction.Length == 0 ? Input : $"{Instruction}\n{Input}";
}
