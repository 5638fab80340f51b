namespace ContinualService.Engine.Models;

/// <summary>The supported ways of stretching rotary positions.</summary>
public enum RopeType
{
    Default,
    Linear,
    Llama3,
    Yarn,
}
