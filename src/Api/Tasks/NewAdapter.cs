namespace ContinualService.Api.Tasks;

/// <summary>An adapter to be made with its first task.</summary>
/// <param name="Model">Its base.</param>
/// <param name="Name">What to call it; a number is added where the name is taken.</param>
internal sealed record NewAdapter(string Model, string Name);
