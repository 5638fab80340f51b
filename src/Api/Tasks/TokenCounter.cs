using ContinualService.Api.Datasets;
using ContinualService.Api.Errors;
using ContinualService.Engine.Data;
using ContinualService.Engine.Models;

namespace ContinualService.Api.Tasks;

/// <summary>Encodes rows as training would, so that a row over the context is refused here with its line and not in a worker later.</summary>
internal sealed class TokenCounter(TextAssets texts, int? maxSequenceLength)
{
    private readonly ExampleEncoder _encoder = new(texts.Tokenizer, texts.Chat, Math.Min(texts.Config.MaxPositions, maxSequenceLength ?? int.MaxValue));
    private readonly Dictionary<TaskExample, (int Tokens, int Trained)> _counted = new(ReferenceEqualityComparer.Instance);

    /// <summary>The problem with the rows that do not fit; null where all do.</summary>
    public Problem? Check(Rows rows, string field)
    {
        var encoded = _encoder.EncodeAll(rows.Examples);
        if (encoded.ErrorCount > 0)
        {
            // The encoder counts rows; blank lines in the file make the line another one.
            return RowReader.Refuse([.. encoded.Errors.Select(error => error with { Line = rows.Lines[error.Line - 1] })], encoded.ErrorCount, field);
        }

        for (var index = 0; index < encoded.Rows.Count; index++)
        {
            var row = encoded.Rows[index];
            _counted[rows.Examples[index]] = (row.Ids.Length, row.Labels.Skip(1).Count(label => label != EncodedExample.IgnoreIndex));
        }

        return null;
    }

    /// <summary>The size of rows that were checked before.</summary>
    public TokenCount Of(IReadOnlyList<TaskExample> examples)
    {
        var counts = examples.Select(example => _counted[example]).ToList();
        return new TokenCount(counts.Sum(count => (long)count.Tokens), counts.Sum(count => (long)count.Trained), counts.Max(count => count.Tokens));
    }
}
