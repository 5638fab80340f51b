namespace ContinualService.Engine.Lora;

/// <summary>A place in a <see cref="LoraTable"/> and what it held when it was acquired; both are checked again in every step.</summary>
public sealed record LoraSlot(int Index, long Generation, string Digest);
