namespace ContinualService.Domain.Tasks;

/// <summary>The learning rate's course after warm-up.</summary>
public enum LearningRateSchedule
{
    Constant,
    Linear,
    Cosine,
}
