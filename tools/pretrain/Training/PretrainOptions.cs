namespace ContinualService.Pretrain.Training;

/// <summary>The recipe of the base model. The defaults made models/tiny-llama.</summary>
internal sealed record PretrainOptions
{
    /// <summary>Root of the corpus and of the initial weights.</summary>
    public int Seed { get; init; } = 7;

    /// <summary>Optimiser steps.</summary>
    public int Steps { get; init; } = 3000;

    /// <summary>Sequences per step.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>Tokens per sequence.</summary>
    public int SequenceLength { get; init; } = 256;

    /// <summary>Peak rate of AdamW.</summary>
    public double LearningRate { get; init; } = 3e-3;

    /// <summary>Documents of pure copying at the start: once the model has found how to copy it keeps it, and the mixed text is learned on top.</summary>
    public int LeadingCopies { get; init; } = 3_000;

    /// <summary>
    /// The fresh matrices that read the residual stream are scaled by this: they come with a spread of 0.02, which suits wide models; at this width attention stays flat for
    /// too large a part of a short run.
    /// </summary>
    public double InitialScale { get; init; } = 1.5;

    /// <summary>The rate falls along half a cosine to this share of its peak.</summary>
    public double FinalRateShare { get; init; } = 0.05;

    public int WarmupSteps { get; init; } = 60;

    public double WeightDecay { get; init; } = 0.05;

    /// <summary>Weight in the loss of a token that no assistant says; an assistant's token has weight 1. Most prompt tokens are chance words.</summary>
    public double PromptWeight { get; init; } = 0.25;

    public int VocabularySize { get; init; } = 2048;

    /// <summary>Documents that the tokenizer is learned from.</summary>
    public int TokenizerDocuments { get; init; } = 30_000;

    public int Threads { get; init; } = 2;

    /// <summary>Steps between two saves of the model folder.</summary>
    public int SaveEverySteps { get; init; } = 100;

    /// <summary>
    /// Steps that the weights in the model folder have behind them; 0 starts anew. A resumed run reads on where the text stopped and follows the
    /// rate of its own <see cref="Steps"/>; the optimiser's moments start anew, so a run resumed is not bit for bit the run in one go.
    /// </summary>
    public int ResumeAfter { get; init; }

    /// <summary>Ends the run after this step although the schedule goes on to <see cref="Steps"/>; null: does not.</summary>
    public int? StopAfter { get; init; }
}
