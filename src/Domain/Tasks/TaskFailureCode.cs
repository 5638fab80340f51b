namespace ContinualService.Domain.Tasks;

/// <summary>Why a task failed.</summary>
public enum TaskFailureCode
{
    /// <summary>The loss became infinite or not a number: lower the learning rate.</summary>
    LossDiverged,

    /// <summary>The rows cannot be trained on, for example one is longer than the model's context.</summary>
    InvalidDataset,

    /// <summary>A hyperparameter or label set does not fit the rows or the model.</summary>
    InvalidSettings,

    /// <summary>The base model's folder is gone or cannot be read.</summary>
    ModelUnavailable,

    /// <summary>The base model's files are not those the adapter was made for.</summary>
    BaseChanged,

    /// <summary>The server's path gives other log-probabilities than the trainer's: a fault of this program or of the device; nothing was published.</summary>
    ServingDiffers,

    /// <summary>A stored object is missing or its bytes are not those its hash names.</summary>
    ObjectDamaged,

    /// <summary>The adapter's head went to another version meanwhile: what was asked for was of the old one. Nothing was published; ask again.</summary>
    HeadMoved,

    /// <summary>Not even one row at a time fits into the memory that training may use.</summary>
    OutOfMemory,

    /// <summary>The training process died in every attempt.</summary>
    WorkerDied,

    /// <summary>A fault of this program; the server's log has the details.</summary>
    InternalError,
}
