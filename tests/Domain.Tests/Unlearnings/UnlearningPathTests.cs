using ContinualService.Domain.Adapters;
using ContinualService.Domain.Unlearnings;
using Xunit;

namespace ContinualService.Domain.Tests.Unlearnings;

public sealed class UnlearningPathTests
{
    [Theory]
    [InlineData("abc", "a", "", "bc")]
    [InlineData("abc", "b", "a", "c")]
    [InlineData("abc", "c", "a", "b")] // the one before is made once more, so that there is a version to publish
    [InlineData("-ab", "a", "-", "b")] // begins with an imported version
    [InlineData("aBcd", "d", "a", "Bc")] // B is approximate: nothing exact stands on it
    [InlineData("aBcd", "c", "a", "Bd")]
    [InlineData("aBcd", "a", "", "Bcd")]
    public void Of_Exact_MakesAgainWhatCameAfter(string lineage, string removed, string kept, string again) => AssertPath(lineage, removed, UnlearnMode.Exact, kept, again);

    [Theory]
    [InlineData("aBcd", "c", "aB", "d")]
    [InlineData("abc", "a", "", "bc")]
    public void Of_Approximate_StartsAtTheTaskWhateverWasBefore(string lineage, string removed, string kept, string again) => AssertPath(lineage, removed, UnlearnMode.Approximate, kept, again);

    [Theory]
    [InlineData("a")]
    [InlineData("-a")]
    public void Of_TheOnlyTask_LeavesNothing(string lineage) => Assert.Null(UnlearningPath.Of(Lineage(lineage), "a", UnlearnMode.Exact));

    private static void AssertPath(string lineage, string removed, UnlearnMode mode, string kept, string again)
    {
        var path = UnlearningPath.Of(Lineage(lineage), removed, mode)!;

        Assert.Equal((kept, again), (Letters(path.Kept), Letters(path.Again)));
    }

    private static string Letters(IEnumerable<AdapterVersion> versions) =>
        string.Concat(versions.Select(version => version.TaskId is not { } task ? "-" : version.Unlearned == UnlearnMode.Approximate ? task.ToUpperInvariant() : task));

    // A letter is a task, a capital one an approximate version, a dash an imported one.
    private static List<AdapterVersion> Lineage(string letters) =>
    [
        .. letters.Select((letter, index) => new AdapterVersion
        {
            Id = $"ver_{index}",
            AdapterId = "adp_1",
            Number = index + 1,
            Sha256 = "weights",
            StateSha256 = "state",
            TaskId = letter == '-' ? null : letter.ToString().ToLowerInvariant(),
            Unlearned = char.IsUpper(letter) ? UnlearnMode.Approximate : null,
        }),
    ];
}
