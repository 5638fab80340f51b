using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using ContinualService.Api.Requests;
using ContinualService.Api.Serving;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text;
using ContinualService.Infrastructure.Storage;

namespace ContinualService.Api.OpenAi;

/// <summary>Answers chat and text requests, whole or streamed. Both routes share everything but the shape of their JSON.</summary>
internal sealed partial class CompletionService(ServedModelResolver resolver, TimeProvider time, ILogger<CompletionService> log)
{
    public async Task<IResult> ChatAsync(string tenantId, ChatRequest request, HttpContext http, CancellationToken cancellationToken)
    {
        using var served = await ResolveAsync(tenantId, request.Generation.Model, cancellationToken);
        if (!served.Text.Chat.HasTemplate)
            throw OpenAiException.Invalid("model", $"'{request.Generation.Model}' has no chat template. Use /v1/completions, or put a chat_template.jinja into the model's folder.");
        int[] prompt;
        try
        {
            prompt = served.Text.Chat.EncodePrompt(request.Messages);
        }
        catch (ChatTemplateException error)
        {
            throw OpenAiException.Invalid("messages", $"The model's chat template refused the messages: {error.Message}");
        }

        return await AnswerAsync(tenantId, served, new ChatShape(served.Text.Tokenizer), request.Generation, [prompt], echoes: null, http, cancellationToken);
    }

    public async Task<IResult> TextAsync(string tenantId, TextRequest request, HttpContext http, CancellationToken cancellationToken)
    {
        using var served = await ResolveAsync(tenantId, request.Generation.Model, cancellationToken);
        var prompts = request.Prompts.Select(prompt => prompt.Ids ?? served.Text.Tokenizer.Encode(prompt.Text!).Ids).ToList();
        // A text comes back as it was sent, ids as the text they are: without special tokens, which an answer does not show either.
        var echoes = request.Echo ? prompts.Select((ids, index) => request.Prompts[index].Text ?? served.Text.Tokenizer.Decode(ids, skipSpecialTokens: true)).ToList() : null;
        var shape = new TextShape(served.Text.Tokenizer, prompts, request.Generation.Choices, request.Echo);
        return await AnswerAsync(tenantId, served, shape, request.Generation, prompts, echoes, http, cancellationToken);
    }

    private async Task<ServedModel> ResolveAsync(string tenantId, string name, CancellationToken cancellationToken)
    {
        try
        {
            return await resolver.ResolveAsync(tenantId, name, cancellationToken);
        }
        catch (ModelFormatException error)
        {
            throw OpenAiException.NoModel(name, error.Message);
        }
        catch (ObjectDamagedException error)
        {
            throw OpenAiException.Damaged(name, error);
        }
    }

    private async Task<IResult> AnswerAsync(
        string tenantId, ServedModel served, IAnswerShape shape, GenerationRequest request, IReadOnlyList<int[]> prompts, List<string>? echoes, HttpContext http, CancellationToken cancellationToken)
    {
        // Step 1: everything that can be refused is refused before the first byte.
        var limited = prompts.Select(prompt => (prompt, NewTokens(served, request, prompt, shape.PromptField))).ToList();
        if (request.Sampling.LogitBias?.Keys.FirstOrDefault(id => id >= served.Text.Config.VocabularySize) is { } outside and > 0)
            throw OpenAiException.Invalid("logit_bias", $"'logit_bias' names token {outside}; the model has {served.Text.Config.VocabularySize} tokens.");
        if (request.LogProbabilities > served.MaxAlternatives)
            throw OpenAiException.Invalid(shape.AlternativesOption, $"'{shape.AlternativesOption}' is {request.LogProbabilities}; this service reports at most {served.MaxAlternatives} alternatives.");
        await using var choices = await ChoiceSet.StartAsync(tenantId, served, request, limited, scorePrompt: echoes is not null && request.LogProbabilities is not null, cancellationToken);
        if (served.VersionNumber is { } version) http.Response.Headers["X-Adapter-Version"] = version.ToString(CultureInfo.InvariantCulture);
        if (served.PreviewId is { } preview) http.Response.Headers["X-Merge-Preview"] = preview;
        if (served.Mixture is { } mixture) http.Response.Headers["X-Adapter-Mixture"] = mixture;
        if (served.Sha256 is { } sha256) http.Response.Headers["X-Adapter-Sha256"] = sha256;

        // Step 2: what the text route repeats before each answer.
        var head = shape.Head(time.GetUtcNow().ToUnixTimeSeconds(), served);
        string Echo(int index) => echoes?[index / request.Choices] ?? "";
        var usage = () => Usage(prompts.Sum(prompt => prompt.Length), choices.Runners, request.Choices);
        if (request.Stream)
        {
            await StreamAsync(shape, request, head, choices, Echo, usage, http, cancellationToken);
            return Results.Empty;
        }

        // Step 3: the whole answer.
        var texts = choices.Runners.Select((_, index) => new StringBuilder(Echo(index))).ToList();
        var tokens = choices.Runners.Select(_ => new List<ScoredToken>()).ToList();
        try
        {
            await foreach (var piece in choices.Pieces)
            {
                texts[piece.Index].Append(piece.Text);
                tokens[piece.Index].AddRange(piece.Tokens);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Not the client's doing.
            throw Stopping();
        }

        head["choices"] = new JsonArray([.. choices.Runners.Select((runner, index) => (JsonNode)shape.Choice(
            index, texts[index].ToString(), runner.FinishReason, request.LogProbabilities is null ? null : runner.PromptTokens.Concat(tokens[index])))]);
        head["usage"] = usage();
        return Results.Json(head);
    }

    private async Task StreamAsync(
        IAnswerShape shape, GenerationRequest request, JsonObject head, ChoiceSet choices, Func<int, string> echo, Func<JsonObject> usage, HttpContext http, CancellationToken cancellationToken)
    {
        http.Response.ContentType = "text/event-stream; charset=utf-8";
        http.Response.Headers.CacheControl = "no-cache";
        head["object"] = shape.ChunkObject;
        using var chunks = new ChunkWriter(http.Response.BodyWriter, head, request.IncludeUsage);
        var begun = new bool[choices.Runners.Count];
        try
        {
            for (var index = 0; index < begun.Length; index++)
                if (shape.Opening(index) is { } opening) await SendAsync(opening);
            await foreach (var piece in choices.Pieces)
            {
                var (index, text, tokens) = (piece.Index, piece.Text, (IEnumerable<ScoredToken>)piece.Tokens);
                if (!begun[index])
                {
                    begun[index] = true;
                    text = echo(index) + text;
                    tokens = choices.Runners[index].PromptTokens.Concat(tokens);
                }

                if (text.Length > 0 || tokens.Any()) await SendAsync(shape.Delta(index, text, request.LogProbabilities is null ? null : tokens));
                if (piece.IsLast) await SendAsync(shape.Ending(index, choices.Runners[index].FinishReason));
            }

            if (request.IncludeUsage) await SendAsync(null, usage());
            chunks.WriteDone();
        }
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested) // the status has long been sent: the stream itself has to tell
        {
            LogBrokenOff(log, fault);
            var envelope = Broken(fault);
            envelope["error"]!["x_trace_id"] = http.RequestId();
            chunks.WriteError(envelope);
        }

        await http.Response.BodyWriter.FlushAsync(cancellationToken);

        async Task SendAsync(JsonObject? choice, JsonObject? counts = null)
        {
            chunks.Write(choice, counts);
            await http.Response.BodyWriter.FlushAsync(cancellationToken);
        }
    }

    /// <summary>What a client is told of an answer that cannot go on.</summary>
    private static JsonObject Broken(Exception fault)
    {
        var known = fault as OpenAiException ?? (fault is OperationCanceledException ? Stopping() : null);
        return known is null
            ? OpenAiErrors.Envelope(StatusCodes.Status500InternalServerError, "The answer broke off. Send the request again; if it persists, give the x_trace_id to the operator.", null, "internal_error")
            : OpenAiErrors.Envelope(known.Status, known.Message, known.Param, known.Code, known.Errors);
    }

    private static OpenAiException Stopping() =>
        new(StatusCodes.Status503ServiceUnavailable, "The server is stopping. Send the request again after a moment.", code: "overloaded") { RetryAfterSeconds = 2 };

    private static int NewTokens(ServedModel served, GenerationRequest request, int[] prompt, string field)
    {
        var (context, vocabulary) = (served.MaxTokens, served.Text.Config.VocabularySize);
        if (prompt.Length == 0) throw OpenAiException.Invalid("prompt", "The prompt has no tokens; send at least one.");
        if (prompt.Any(id => id < 0 || id >= vocabulary))
            throw OpenAiException.Invalid("prompt", $"The prompt holds the token id {prompt.First(id => id < 0 || id >= vocabulary)}; this model's ids go from 0 to {vocabulary - 1}.");
        var room = context - prompt.Length;
        if (room < (request.MaxNewTokens ?? 1))
        {
            throw new OpenAiException(
                400, $"This model's context is {context} tokens; the prompt has {prompt.Length} and the answer was to have {request.MaxNewTokens ?? 1}. Shorten the prompt or ask for fewer tokens.",
                field, "context_length_exceeded");
        }

        return request.MaxNewTokens ?? room;
    }

    private static JsonObject Usage(int prompt, IReadOnlyList<ChoiceRunner> runners, int choicesPerPrompt)
    {
        var completion = runners.Sum(runner => runner.CompletionTokens);
        // A prompt counts once however many choices it has: its first one is admitted first, and the others take over from that one.
        var cached = runners.Where((_, index) => index % choicesPerPrompt == 0).Sum(runner => runner.CachedTokens);
        return new JsonObject
        {
            ["prompt_tokens"] = prompt,
            ["completion_tokens"] = completion,
            ["total_tokens"] = prompt + completion,
            ["prompt_tokens_details"] = new JsonObject { ["cached_tokens"] = cached },
        };
    }

    [LoggerMessage(1040, LogLevel.Error, "A streamed answer broke off")]
    private static partial void LogBrokenOff(ILogger logger, Exception fault);
}
