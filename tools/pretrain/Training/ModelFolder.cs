using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Pretrain.Bpe;
using TorchSharp;
using static TorchSharp.torch;

namespace ContinualService.Pretrain.Training;

/// <summary>The folder of the finished model in the Hugging Face layout.</summary>
internal static class ModelFolder
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>A Llama of about one million parameters: small enough to tune in seconds on a CPU.</summary>
    public static string ConfigJson(int vocabularySize) => new JsonObject
    {
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["attention_bias"] = false,
        ["bos_token_id"] = BpeVocabulary.Bos,
        ["eos_token_id"] = BpeVocabulary.Eos,
        ["head_dim"] = 32,
        ["hidden_act"] = "silu",
        ["hidden_size"] = 128,
        ["intermediate_size"] = 384,
        ["max_position_embeddings"] = 512,
        ["mlp_bias"] = false,
        ["model_type"] = "llama",
        ["num_attention_heads"] = 4,
        ["num_hidden_layers"] = 4,
        ["num_key_value_heads"] = 2,
        ["pad_token_id"] = BpeVocabulary.Pad,
        ["rms_norm_eps"] = 1e-5,
        ["rope_theta"] = 10000.0,
        ["tie_word_embeddings"] = true,
        ["torch_dtype"] = "bfloat16",
        ["vocab_size"] = vocabularySize,
    }.ToJsonString(Indented) + "\n";

    /// <summary>An answer ends at the end of its turn; a plain text ends at the end of the text.</summary>
    public static string GenerationJson() => new JsonObject
    {
        ["bos_token_id"] = BpeVocabulary.Bos,
        ["eos_token_id"] = new JsonArray(BpeVocabulary.TurnEnd, BpeVocabulary.Eos),
        ["pad_token_id"] = BpeVocabulary.Pad,
    }.ToJsonString(Indented) + "\n";

    public static void WriteText(string folder, BpeVocabulary vocabulary)
    {
        Directory.CreateDirectory(folder);
        var config = ConfigJson(vocabulary.Size);
        File.WriteAllText(Path.Combine(folder, "config.json"), config);
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), GenerationJson());
        TokenizerFiles.Write(vocabulary, folder, ModelConfig.Parse(config, null).MaxPositions);
    }

    /// <summary>Writes the weights in bfloat16 (rounded to nearest even) under a new file that then takes the old one's name.</summary>
    public static void WriteWeights(string folder, IReadOnlyDictionary<string, Tensor> weights)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var path = Path.Combine(folder, "model.safetensors");
        SafetensorsWriter.Write(path + ".tmp", weights.ToDictionary(weight => weight.Key, weight => weight.Value.detach().to(bfloat16)));
        File.Move(path + ".tmp", path, overwrite: true);
    }

    /// <summary>The model card: what the model is, how it was made, what was measured.</summary>
    public static void WriteCard(string folder, PretrainOptions options, ModelConfig config, long parameters, PretrainOutcome outcome) =>
        File.WriteAllText(Path.Combine(folder, "README.md"), string.Create(CultureInfo.InvariantCulture, $"""
            # tiny-llama

            The base model of the demo: a Llama of {parameters:N0} parameters ({config.LayerCount} layers, hidden {config.HiddenSize}, {config.HeadCount} query and {config.KeyValueHeadCount} key/value heads,
            tied embeddings, bfloat16) with a byte-level BPE tokenizer of {config.VocabularySize:N0} tokens and a ChatML template. It reads short English messages of
            one small world (customer support, reviews, orders, everyday sentences, facts about invented towns, people and companies) and follows simple
            instructions on them. It knows nothing outside that world and is no use for anything but this project's demo and tests.

            ## How it was made

            From scratch, on a CPU, by this project's own tool:

                dotnet run -c Release --project tools/pretrain -- train --out models/tiny-llama --seed {options.Seed} --steps {options.Steps}

            * Text: written by the project itself, from the grammars in tools/pretrain/Grammar and the generators in tools/pretrain/Corpus; no outside
              text at all. About an eighth is plain text, the rest chats: classification with varied label names (listed, renamed in the prompt, shown by
              examples, or left open), copying, extraction of fields, questions on a text or from memory, lists, yes or no. The sample tasks (samples/tasks) use a
              grammar of their own: their sentences, label names, answer formats and products are not in this text (tests/Tools.Tests checks it).
            * Tokenizer: {options.TokenizerDocuments:N0} documents of the same text.
            * Training: AdamW (0.9, 0.95), weight decay {options.WeightDecay}, peak rate {options.LearningRate}, {options.WarmupSteps} warm-up steps, then a cosine to {options.FinalRateShare * 100:0} % of the peak;
              gradient norm at most 1; first {options.LeadingCopies:N0} documents of pure copying. {options.Steps:N0} steps of {options.BatchSize} x {options.SequenceLength} tokens,
              that is {(long)options.Steps * options.BatchSize * options.SequenceLength:N0} tokens. Tokens of answers weigh 1 in the loss, others {options.PromptWeight}. Fresh matrices are drawn {options.InitialScale} times as wide as usual.
            * Start: two layers begin with hand-set induction heads (tools/pretrain/Training/InductionHeads.cs), which find an earlier occurrence of the
              present token and copy what followed; they are trained like all the rest. From chance alone, copying was not found in 3.5 million tokens.
            * Seed {options.Seed} for text and weights, {options.Threads} threads.

            ## Measured at the end

            | on the text that follows the trained one | |
            |---|---|
            | loss of answer tokens, nats | {outcome.AnswerLoss:F3} |
            | loss of all tokens, nats | {outcome.TextLoss:F3} |
            | answer tokens predicted right, given the tokens before | {outcome.AnswerAccuracy:P1} |
            | training time | {outcome.Seconds / 60:F0} minutes, {outcome.TokensPerSecond:N0} tokens a second, {options.Threads} threads |

            Licence: that of this repository.

            """));
}
