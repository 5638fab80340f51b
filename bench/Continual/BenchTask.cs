using System.Security.Cryptography;
using System.Text;
using ContinualService.Engine.Data;
using ContinualService.Engine.Evaluation;

namespace ContinualService.Bench.Continual;

/// <summary>One task of the stream, ready for the model.</summary>
/// <param name="Name">As in tasks.json.</param>
/// <param name="Metric">The task's own.</param>
/// <param name="Labels">All answers there are; empty for generation.</param>
/// <param name="Train">Encoded training rows.</param>
/// <param name="Scored">Encoded rows of the scored split.</param>
/// <param name="CutRows">Rows of either kind whose input lost its end to the length limit.</param>
public sealed record BenchTask(
    string Name, TaskMetric Metric, IReadOnlyList<string> Labels, IReadOnlyList<EncodedExample> Train, IReadOnlyList<EncodedExample> Scored, int CutRows)
{
    /// <summary>Hash over all token ids and answers, so that a stored result belongs to exactly these rows.</summary>
    public string Digest { get; } = DigestOf([.. Train, .. Scored]);

    public long TrainTokens => Train.Sum(row => (long)row.Ids.Length);

    public long ScoredTokens => Scored.Sum(row => (long)row.PromptIds.Length);

    private static string DigestOf(IReadOnlyList<EncodedExample> rows)
    {
        var text = new StringBuilder();
        foreach (var row in rows) text.AppendJoin(' ', row.Ids).Append('|').AppendJoin(' ', row.PromptIds).Append('|').AppendJoin('\u001f', row.References).Append('\n');
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16];
    }
}
