using System.Globalization;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using ContinualService.Api.Serving;
using ContinualService.Engine.Inference;
using ContinualService.Engine.Models;
using ContinualService.Engine.Text;
using ContinualService.Infrastructure.Storage;

namespace ContinualService.Api.OpenAi;

/// <summary>Answers chat and text requests, whole or streamed. Both routes share everything but the shape of their JSON.</summary>
internal sealed class CompletionService(ServedModelResolver resolver, ModelHost host, TimeProvider time)
{
    public async Task<IResult> ChatAsync(string tenantId, ChatRequest request, HttpContext http, CancellationToken cancellationToken)
    {
        using var served = await ResolveAsync(tenantId, request.Generation.Model, cancellationToken);
        if (!served.Base.Chat.HasTemplate)
            throw OpenAiException.Invalid("model", $"'{request.Generation.Model}' has no chat template. Use /v1/completions, or put a chat_template.jinja into the model's folder.");
        int[] prompt;
        try
        {
            prompt = served.Base.Chat.EncodePrompt(request.Messages);
        }
        catch (ChatTemplateException error)
        {
            throw OpenAiException.Invalid("messages", $"The model's chat template refused the messages: {error.Message}");
        }

        return await AnswerAsync(served, new ChatShape(served.Base.Tokenizer), request.Generation, [prompt], echo: false, http, cancellationToken);
    }

    public async Task<IResult> TextAsync(string tenantId, TextRequest request, HttpContext http, CancellationToken cancellationToken)
    {
        using var served = await ResolveAsync(tenantId, request.Generation.Model, cancellationToken);
        var prompts = request.Prompts.Select(prompt => prompt.Ids ?? served.Base.Tokenizer.Encode(prompt.Text!).Ids).ToList();
        return await AnswerAsync(served, new TextShape(served.Base.Tokenizer), request.Generation, prompts, request.Echo, http, cancellationToken);
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
            throw new OpenAiException(StatusCodes.Status503ServiceUnavailable, $"The weights of '{name}' are damaged and are not served: {error.Message} Ask the operator to restore them.", "model", "model_damaged");
        }
    }

    private async Task<IResult> AnswerAsync(
        ServedModel served, IAnswerShape shape, GenerationRequest request, IReadOnlyList<int[]> prompts, bool echo, HttpContext http, CancellationToken cancellationToken)
    {
        // Step 1: everything that can be refused is refused before the first byte.
        var limits = prompts.Select(prompt => NewTokens(served, request, prompt)).ToList();
        if (request.Sampling.LogitBias?.Keys.FirstOrDefault(id => id >= served.Base.Config.VocabularySize) is { } outside and > 0)
            throw OpenAiException.Invalid("logit_bias", $"'logit_bias' names token {outside}; the model has {served.Base.Config.VocabularySize} tokens.");
        using var slot = await host.EnterAsync(cancellationToken)
            ?? throw new OpenAiException(StatusCodes.Status503ServiceUnavailable, "Too many requests wait already. Try again after a moment.", code: "overloaded") { RetryAfterSeconds = 2 };
        if (served.VersionNumber is { } version)
        {
            http.Response.Headers["X-Adapter-Version"] = version.ToString(CultureInfo.InvariantCulture);
            http.Response.Headers["X-Adapter-Sha256"] = served.Sha256;
        }

        // Step 2: one runner per prompt and choice.
        var head = shape.Head(time.GetUtcNow().ToUnixTimeSeconds(), served);
        var runners = prompts.SelectMany((prompt, row) => Enumerable.Range(0, request.Choices).Select(choice =>
            (Echo: echo ? served.Base.Tokenizer.Decode(prompt, skipSpecialTokens: false) : "", Runner: new ChoiceRunner(served.Base, served.Lora, prompt, limits[row], request, choice)))).ToList();
        var usage = () => Usage(prompts.Sum(prompt => prompt.Length), runners.Sum(item => item.Runner.CompletionTokens));
        if (request.Stream)
        {
            await StreamAsync(shape, request, head, runners, echo, usage, http, cancellationToken);
            return Results.Empty;
        }

        // Step 3: the whole answer.
        var choices = new JsonArray();
        foreach (var (prefix, runner) in runners)
        {
            var pieces = await Task.Run(() => runner.Run(echo && request.LogProbabilities is not null, cancellationToken).ToList(), cancellationToken);
            var tokens = runner.PromptTokens.Concat(pieces.SelectMany(piece => piece.Tokens));
            choices.Add((JsonNode)shape.Choice(choices.Count, prefix + string.Concat(pieces.Select(piece => piece.Text)), runner.FinishReason, request.LogProbabilities is null ? null : tokens));
        }

        head["choices"] = choices;
        head["usage"] = usage();
        return Results.Json(head);
    }

    private static async Task StreamAsync(
        IAnswerShape shape, GenerationRequest request, JsonObject head, List<(string Echo, ChoiceRunner Runner)> runners, bool echo,
        Func<JsonObject> usage, HttpContext http, CancellationToken cancellationToken)
    {
        http.Response.ContentType = "text/event-stream; charset=utf-8";
        http.Response.Headers.CacheControl = "no-cache";
        for (var index = 0; index < runners.Count; index++)
        {
            var (prefix, runner) = runners[index];
            var offset = 0;
            if (shape.Opening(index) is { } opening) await SendAsync([opening], null);
            await foreach (var piece in GenerateAsync(runner, echo && request.LogProbabilities is not null, cancellationToken))
            {
                var (text, tokens) = (piece.Text, (IEnumerable<ScoredToken>)piece.Tokens);
                if (offset == 0 && echo)
                {
                    text = prefix + text;
                    tokens = runner.PromptTokens.Concat(tokens);
                }

                await SendAsync([shape.Delta(index, text, offset, request.LogProbabilities is null ? null : tokens)], null);
                offset += text.Length;
            }

            if (offset == 0 && echo)
                await SendAsync([shape.Delta(index, prefix, 0, request.LogProbabilities is null ? null : runner.PromptTokens)], null);
            await SendAsync([shape.Ending(index, runner.FinishReason)], null);
        }

        if (request.IncludeUsage) await SendAsync([], usage());
        await http.Response.WriteAsync("data: [DONE]\n\n", cancellationToken);

        async Task SendAsync(JsonArray choices, JsonObject? usageOfAll)
        {
            var chunk = (JsonObject)head.DeepClone();
            chunk["object"] = shape.ChunkObject;
            chunk["choices"] = choices;
            if (request.IncludeUsage) chunk["usage"] = usageOfAll;
            await http.Response.WriteAsync($"data: {chunk.ToJsonString()}\n\n", cancellationToken);
            await http.Response.Body.FlushAsync(cancellationToken);
        }
    }

    /// <summary>Runs the model on a thread of its own, so that a slow client never holds up a step and a step never blocks the server.</summary>
    private static async IAsyncEnumerable<ChoicePiece> GenerateAsync(
        ChoiceRunner runner, bool scorePrompt, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var pieces = Channel.CreateUnbounded<ChoicePiece>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        var work = Task.Run(
            () =>
            {
                Exception? failure = null;
                try
                {
                    foreach (var piece in runner.Run(scorePrompt, cancellationToken)) pieces.Writer.TryWrite(piece);
                }
                catch (Exception error) // whatever it is, the reader gets it
                {
                    failure = error;
                }

                pieces.Writer.Complete(failure);
            },
            CancellationToken.None);
        try
        {
            await foreach (var piece in pieces.Reader.ReadAllAsync(cancellationToken)) yield return piece;
        }
        finally
        {
            // The weights may be given back only when the step that uses them has ended.
            await work;
        }
    }

    private static int NewTokens(ServedModel served, GenerationRequest request, int[] prompt)
    {
        var (context, vocabulary) = (served.Base.Config.MaxPositions, served.Base.Config.VocabularySize);
        if (prompt.Length == 0) throw OpenAiException.Invalid("prompt", "The prompt has no tokens; send at least one.");
        if (prompt.Any(id => id < 0 || id >= vocabulary))
            throw OpenAiException.Invalid("prompt", $"The prompt holds the token id {prompt.First(id => id < 0 || id >= vocabulary)}; this model's ids go from 0 to {vocabulary - 1}.");
        var room = context - prompt.Length;
        if (room < (request.MaxNewTokens ?? 1))
        {
            throw new OpenAiException(
                400, $"This model's context is {context} tokens; the prompt has {prompt.Length} and the answer was to have {request.MaxNewTokens ?? 1}. Shorten the prompt or ask for fewer tokens.",
                "messages", "context_length_exceeded");
        }

        return request.MaxNewTokens ?? room;
    }

    private static JsonObject Usage(int prompt, int completion) => new()
    {
        ["prompt_tokens"] = prompt,
        ["completion_tokens"] = completion,
        ["total_tokens"] = prompt + completion,
    };
}
