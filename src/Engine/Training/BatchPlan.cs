namespace ContinualService.Engine.Training;

/// <summary>Which rows each optimiser step takes: shuffled anew every epoch, and rows of like length together. The first epoch's batch with the most tokens
/// comes first, whatever the shuffle made of it: a run that does not fit into memory fails in its first step, not in its last.</summary>
public static class BatchPlan
{
    // Rows are sorted by length within this many batches only, so that what shares a batch still differs from epoch to epoch.
    private const int BatchesPerBucket = 16;

    /// <summary>The row numbers of every step, in order.</summary>
    /// <param name="lengths">Tokens of every row.</param>
    /// <param name="options">Batch size, epochs, largest number of steps.</param>
    /// <param name="random">The shuffle's own stream.</param>
    public static IReadOnlyList<int[]> Create(IReadOnlyList<int> lengths, TrainingOptions options, Random random)
    {
        List<int[]> steps = [];
        for (var epoch = 0; epoch < options.Epochs; epoch++)
        {
            var rows = Enumerable.Range(0, lengths.Count).ToArray();
            random.Shuffle(rows);

            // A stable sort: equal lengths keep their shuffled order.
            var batches = rows.Chunk(options.BatchSize * BatchesPerBucket)
                .SelectMany(bucket => bucket.OrderBy(row => lengths[row]).Chunk(options.BatchSize))
                .ToArray();
            random.Shuffle(batches);
            steps.AddRange(batches.Take((options.MaxSteps ?? int.MaxValue) - steps.Count));
            if (epoch == 0) LongestToFront(steps, lengths);
            if (steps.Count >= options.MaxSteps) break;
        }

        return steps;
    }

    private static void LongestToFront(List<int[]> steps, IReadOnlyList<int> lengths)
    {
        var longest = steps.MaxBy(step => step.Sum(row => (long)lengths[row]))!; // of equals the first
        steps.Remove(longest);
        steps.Insert(0, longest);
    }
}
