namespace ContinualService.Engine.Text;

/// <summary>A conversation as token ids, with the tokens that training learns.</summary>
/// <param name="Ids">Token ids of the whole conversation.</param>
/// <param name="LossMask">True at the assistant's tokens and the token that ends its turn; as long as <paramref name="Ids"/>.</param>
public sealed record EncodedChat(int[] Ids, bool[] LossMask);
