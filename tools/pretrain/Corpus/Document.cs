namespace ContinualService.Pretrain.Corpus;

/// <summary>One message of a chat.</summary>
internal sealed record Turn(string Role, string Content);

/// <summary>One text of the corpus: plain <see cref="Text"/>, or a chat when <see cref="Turns"/> is not empty.</summary>
internal sealed record Document(string Text, IReadOnlyList<Turn> Turns)
{
    public static Document Plain(string text) => new(text, []);

    public static Document Chat(string question, string answer) => new("", [new Turn("user", question), new Turn("assistant", answer)]);
}
