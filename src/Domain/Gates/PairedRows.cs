namespace ContinualService.Domain.Gates;

/// <summary>One task's held-out rows, each under two versions; scores where higher is better.</summary>
/// <param name="TaskId">Whose rows.</param>
/// <param name="Against">The version they are compared with; 0 is the base, null: nothing was measured.</param>
/// <param name="Before">Each row's score under that version.</param>
/// <param name="Now">Each row's score under the candidate, in the same order.</param>
/// <param name="Weights">A row's share in the task's score; null: all the same.</param>
/// <param name="AnswersBefore">What that version answered; null where the metric asks for no answer.</param>
/// <param name="AnswersNow">What the candidate answered.</param>
/// <param name="Numbers">The rows' numbers in the task's held-out rows, from 1; null: all of them are here.</param>
public sealed record PairedRows(
    string TaskId, int? Against, IReadOnlyList<double> Before, IReadOnlyList<double> Now, IReadOnlyList<double>? Weights = null, IReadOnlyList<string>? AnswersBefore = null,
    IReadOnlyList<string>? AnswersNow = null, IReadOnlyList<int>? Numbers = null)
{
    private const int MostRows = 10;
    private const int LongestAnswer = 200;

    public int Count => Before.Count;

    /// <summary>A task without held-out rows.</summary>
    public static PairedRows None(string taskId) => new(taskId, null, [], []);

    /// <summary>What each row lost.</summary>
    public double[] Lost() => [.. Before.Zip(Now, (before, now) => before - now)];

    /// <summary>The rows that got worse, those that lost most first: of a right-or-wrong metric, those that were right and are wrong.</summary>
    public GateBreakage Broken()
    {
        var lost = Lost();
        List<int> worse = [.. Enumerable.Range(0, Count).Where(row => lost[row] > 0).OrderByDescending(row => lost[row])];
        return new GateBreakage(TaskId, Against, worse.Count, [.. worse.Take(MostRows).Select(row => new BrokenRow(Numbers?[row] ?? row + 1, Before[row], Now[row], Cut(AnswersBefore?[row]), Cut(AnswersNow?[row])))]);
    }

    // Not between the two halves of a character.
    private static string? Cut(string? answer) =>
        answer is not { Length: > LongestAnswer } ? answer : answer[..(char.IsHighSurrogate(answer[LongestAnswer - 1]) ? LongestAnswer - 1 : LongestAnswer)] + "...";
}
