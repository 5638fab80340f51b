namespace ContinualService.Domain.Tasks;

/// <summary>How the learning rate moves after the warm-up.</summary>
public enum LearningRateSchedule
{
    /// <summary>Stays at the peak.</summary>
    Constant,

    /// <summary>Falls in a straight line to 0 after the last step.</summary>
    Linear,

    /// <summary>Falls along half a cosine to 0 after the last step.</summary>
    Cosine,
}
