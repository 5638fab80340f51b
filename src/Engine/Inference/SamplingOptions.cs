namespace ContinualService.Engine.Inference;

/// <summary>How the next token is chosen.</summary>
/// <param name="Temperature">Divides the logits; 0 takes the most likely token.</param>
/// <param name="TopP">Nucleus: the smallest set of tokens whose probability reaches this share (0 to 1; 1 keeps all).</param>
/// <param name="FrequencyPenalty">Taken off a token's logit for every time it was generated (-2 to 2).</param>
/// <param name="PresencePenalty">Taken off a token's logit once it was generated (-2 to 2).</param>
/// <param name="LogitBias">Added to the logits of these ids; null adds nothing.</param>
/// <param name="Seed">Equal seeds give equal draws for equal logits.</param>
/// <param name="TopLogProbabilities">How many alternatives are reported with each token.</param>
public sealed record SamplingOptions(
    double Temperature = 1,
    double TopP = 1,
    double FrequencyPenalty = 0,
    double PresencePenalty = 0,
    IReadOnlyDictionary<int, double>? LogitBias = null,
    int Seed = 0,
    int TopLogProbabilities = 0);
