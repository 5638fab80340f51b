using System.ClientModel;
using System.Diagnostics;
using System.Text;
using ContinualService.TestKit;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Files;
using OpenAI.FineTuning;
using Xunit;

namespace ContinualService.EndToEnd;

/// <summary>The service as the official clients of the OpenAI API see it: unmodified, with another base URL and key.</summary>
public sealed class OpenAiClientTests(OpenAiService service) : IClassFixture<OpenAiService>
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    private static readonly string s_rows = string.Join('\n', Enumerable.Range(0, 8).Select(row =>
        $$"""{"messages": [{"role": "user", "content": "question {{row}}"}, {"role": "assistant", "content": "{{(row % 2 == 0 ? "yes" : "no")}}"}]}"""));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task DotNetClient_FileJobChatAndNextJob_WorksUnmodified()
    {
        var client = new OpenAIClient(new ApiKeyCredential(ServiceProcess.Key), new OpenAIClientOptions { Endpoint = service.Endpoint });
        var (files, tuning, models) = (client.GetOpenAIFileClient(), client.GetFineTuningClient(), client.GetOpenAIModelClient());

        // A file.
        OpenAIFile file = await files.UploadFileAsync(BinaryData.FromString(s_rows), "rows.jsonl", FileUploadPurpose.FineTune);
        Assert.Equal(("rows.jsonl", FilePurpose.FineTune, (long?)Encoding.UTF8.GetByteCount(s_rows)), (file.Filename, file.Purpose, file.SizeInBytesLong));
        Assert.Equal(s_rows, (await files.DownloadFileAsync(file.Id, Token)).Value.ToString());
        Assert.Contains((await files.GetFilesAsync(FilePurpose.FineTune, Token)).Value, other => other.Id == file.Id);

        // A job on a base, with its events and checkpoint.
        var options = new FineTuningOptions { Suffix = "by-dotnet", Seed = 3, TrainingMethod = FineTuningTrainingMethod.CreateSupervised(batchSize: 2, epochCount: 1) };
        var first = await tuning.FineTuneAsync(ServiceProcess.Model, file.Id, waitUntilCompleted: false, options, Token);
        Assert.Equal((ServiceProcess.Model, file.Id, 3, "by-dotnet"), (first.BaseModel, first.TrainingFileId, first.Seed, first.UserProvidedSuffix));
        await FinishedAsync(first);
        Assert.Equal(FineTuningStatus.Succeeded, first.Status);
        var used = Assert.IsType<HyperparametersForSupervised>(first.MethodHyperparameters, exactMatch: false);
        Assert.Equal((1, 2, 1f), (used.EpochCount, used.BatchSize, used.LearningRateMultiplier));
        var events = await first.GetEventsAsync(new GetEventsOptions { PageSize = 2 }, Token).ToListAsync(Token);
        Assert.True(events.Count > 4);
        Assert.Equal("The job has succeeded.", events[0].Message);
        var checkpoint = Assert.Single(await first.GetCheckpointsAsync(new GetCheckpointsOptions(), Token).ToListAsync(Token));
        Assert.Equal((first.JobId, first.Value), (checkpoint.JobId, checkpoint.ModelId));
        Assert.True(checkpoint.Metrics.TrainLoss > 0);

        // Chat with what it learned.
        var chat = client.GetChatClient(first.Value);
        var (question, brief) = (new UserChatMessage("question 1"), new ChatCompletionOptions { MaxOutputTokenCount = 6, Temperature = 0 });
        ChatCompletion answer = await chat.CompleteChatAsync([question], brief, Token);
        var (streamed, finish, usage) = (new StringBuilder(), (ChatFinishReason?)null, (ChatTokenUsage?)null);
        await foreach (var update in chat.CompleteChatStreamingAsync([question], brief, Token))
        {
            foreach (var part in update.ContentUpdate) streamed.Append(part.Text);
            finish = update.FinishReason ?? finish;
            usage = update.Usage ?? usage;
        }

        Assert.Equal(string.Concat(answer.Content.Select(part => part.Text)), streamed.ToString());
        Assert.Equal(answer.FinishReason, finish);
        Assert.Equal((answer.Usage.InputTokenCount, answer.Usage.OutputTokenCount), (usage!.InputTokenCount, usage.OutputTokenCount));

        // The model of a job as the model of the next one.
        var second = await tuning.FineTuneAsync(first.Value, file.Id, waitUntilCompleted: false, new FineTuningOptions { TrainingMethod = options.TrainingMethod }, Token);
        await FinishedAsync(second);
        Assert.Equal((FineTuningStatus.Succeeded, first.Value), (second.Status, second.BaseModel));
        Assert.NotEqual(first.Value, second.Value);
        var listed = await tuning.GetJobsAsync(new FineTuningJobCollectionOptions { PageSize = 1 }, Token).Select(job => job.JobId).ToListAsync(Token);
        Assert.True(listed.IndexOf(second.JobId) >= 0 && listed.IndexOf(second.JobId) < listed.IndexOf(first.JobId));

        // Models, and the end of all of it.
        Assert.Contains((await models.GetModelsAsync(Token)).Value, model => model.Id == "by-dotnet");
        Assert.Equal(second.Value, (await models.GetModelAsync(second.Value, Token)).Value.Id);
        Assert.Equal(409, (await Assert.ThrowsAsync<ClientResultException>(() => models.DeleteModelAsync(first.Value, Token))).Status);
        Assert.True((await models.DeleteModelAsync(second.Value, Token)).Value.Deleted);
        Assert.True((await files.DeleteFileAsync(file.Id, Token)).Value.Deleted);
        var gone = await Assert.ThrowsAsync<ClientResultException>(() => client.GetChatClient("by-dotnet").CompleteChatAsync([question], brief, Token));
        Assert.Equal(404, gone.Status);
        Assert.Contains("model_not_found", gone.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NodeClient_FileJobChatAndNextJob_WorksUnmodified()
    {
        var folder = Checkout.PathOf("tests/EndToEnd/openai");
        RequireInstalled(folder);
        var start = new ProcessStartInfo("node", [Path.Combine(folder, "client.mjs"), service.Endpoint.ToString(), ServiceProcess.Key, ServiceProcess.Model, s_rows])
        {
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(s_limit);
        try
        {
            var errors = await process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            Assert.True(process.ExitCode == 0, errors);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    // WaitForCompletionAsync sleeps for half a minute when it meets a running job that cannot say yet when it ends; these take a second.
    private Task FinishedAsync(FineTuningJob job) => service.Process.UntilAsync($"job {job.JobId} ends", async () =>
    {
        await job.UpdateStatusAsync(Token);
        return job.HasCompleted;
    });

    private static void RequireInstalled(string folder)
    {
        if (Directory.Exists(Path.Combine(folder, "node_modules", "openai"))) return;
        const string Reason = "The npm client is not installed; run: cd tests/EndToEnd/openai && npm ci";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(Reason);
        Assert.Skip(Reason);
    }
}
