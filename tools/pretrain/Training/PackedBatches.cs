using ContinualService.Pretrain.Corpus;

namespace ContinualService.Pretrain.Training;

/// <summary>
/// Rows of a fixed length filled with whole documents one after another. Each row begins with a document's start, as every prompt of the
/// finished model does; the document that does not fit is cut at the row's end.
/// </summary>
internal sealed class PackedBatches(CorpusGenerator corpus, DocumentEncoder encoder, PretrainOptions options)
{
    /// <summary>B x (T + 1) ids row by row, and for each id its weight as a target.</summary>
    public (long[] Ids, float[] Weights) Next()
    {
        var width = options.SequenceLength + 1; // inputs are the first T, targets the last T
        var ids = new long[options.BatchSize * width];
        var weights = new float[ids.Length];
        List<int> rowIds = [];
        List<bool> rowAnswers = [];
        for (var row = 0; row < options.BatchSize; row++)
        {
            rowIds.Clear();
            rowAnswers.Clear();
            while (rowIds.Count < width) encoder.Append(corpus.Next(), rowIds, rowAnswers);
            for (var t = 0; t < width; t++)
            {
                ids[row * width + t] = rowIds[t];
                weights[row * width + t] = rowAnswers[t] ? 1 : (float)options.PromptWeight;
            }
        }

        return (ids, weights);
    }
}
