namespace ContinualService.Worker.Upkeep;

/// <summary>What a pass over all named objects found.</summary>
/// <param name="Objects">Objects looked at.</param>
/// <param name="Bytes">Bytes of the whole ones.</param>
/// <param name="Damaged">Objects that are missing or altered.</param>
public sealed record VerificationReport(long Objects, long Bytes, long Damaged);
