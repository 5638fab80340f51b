using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using ContinualService.Demo;

// Usage: demo --base-url URL --key-file FILE --plan samples/tasks/demo.json
// Plays a tenant: sends the sample tasks one after another to a SLAO adapter and to a plain sequential one, and compares them.
var options = args.Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1]);
if (!options.TryGetValue("--base-url", out var baseUrl) || !options.TryGetValue("--key-file", out var keyFile) || !options.TryGetValue("--plan", out var planFile))
{
    await Console.Error.WriteLineAsync("usage: demo --base-url URL --key-file FILE --plan FILE");
    return 2;
}

using var interrupted = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) => { pressed.Cancel = true; interrupted.Cancel(); };
var stop = interrupted.Token;

using var http = new HttpClient { BaseAddress = new Uri(baseUrl), Timeout = TimeSpan.FromMinutes(2) };
http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(keyFile, stop)).Trim());
var service = new ServiceClient(http);
var plan = DemoPlan.Load(planFile);
var folder = Path.GetDirectoryName(Path.GetFullPath(planFile))!;

try
{
    // Step 1: two adapters over the same base, with the same settings; only the method differs.
    var stamp = TimeProvider.System.GetUtcNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture);
    var continual = await CreateAdapterAsync($"demo-{stamp}", "slao");
    var sequential = await CreateAdapterAsync($"demo-sequential-{stamp}", "seqlora");
    Console.WriteLine($"Base model {plan.Model}; one LoRA per adapter: rank {plan.Rank}, alpha {plan.Alpha}.");
    Console.WriteLine($"Both adapters learn the same {plan.Tasks.Count} tasks in the same order with the same settings and seed.");

    // Step 2: the tasks, one after another.
    foreach (var (task, index) in plan.Tasks.Select((task, index) => (task, index)))
    {
        Console.WriteLine($"\n-- Task {index + 1} of {plan.Tasks.Count}: {task.Name}");
        foreach (var (adapter, label) in new[] { (continual, "SLAO"), (sequential, "sequential") })
        {
            var submitted = await service.SubmitTaskAsync(adapter, task, folder, plan.Hyperparameters, stop);
            await FollowAsync(submitted["id"]!.GetValue<string>(), label);
        }

        Console.WriteLine(MatrixView.Draw(await service.GetAsync($"/adapters/{continual}/matrix", stop)));
    }

    // Step 3: the two side by side.
    var slao = await service.GetAsync($"/adapters/{continual}/matrix", stop);
    var plain = await service.GetAsync($"/adapters/{sequential}/matrix", stop);
    Console.WriteLine("-- Plain sequential LoRA on the same tasks");
    Console.WriteLine(MatrixView.Draw(plain));
    Console.WriteLine("-- Result                        average accuracy   backward transfer   forgetting");
    PrintSummary("SLAO (one merged LoRA)", slao["summary"]!);
    PrintSummary("plain sequential LoRA", plain["summary"]!);

    // Step 4: talk to the result.
    Console.WriteLine("\n-- One question per task to the merged adapter");
    foreach (var task in plan.Tasks)
    {
        var answer = await service.PostAsync("/v1/chat/completions", new JsonObject
        {
            ["model"] = continual,
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = task.Question }),
            ["temperature"] = 0,
            ["max_tokens"] = 48,
        }, stop);
        Console.WriteLine($"  [{task.Name}] {task.Question.ReplaceLineEndings(" ")}");
        Console.WriteLine($"    answer: {answer["choices"]![0]!["message"]!["content"]!.GetValue<string>()}    (expected: {task.Expected})");
    }

    Console.WriteLine($"\nThe adapter is served as model \"{continual}\" at {baseUrl}/v1 (OpenAI-compatible).");
    return 0;
}
catch (DemoException failure)
{
    await Console.Error.WriteLineAsync($"\ndemo: {failure.Message}");
    return 1;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    await Console.Error.WriteLineAsync("\ndemo: interrupted");
    return 130;
}

async Task<string> CreateAdapterAsync(string name, string method)
{
    var created = await service.PostAsync("/adapters", new JsonObject
    {
        ["name"] = name,
        ["model"] = plan.Model,
        ["rank"] = plan.Rank,
        ["alpha"] = plan.Alpha,
        ["targetModules"] = plan.TargetModules.DeepClone(),
        ["method"] = method,
    }, stop);
    return created["name"]!.GetValue<string>();
}

// Shows the live progress of one task until it ends.
async Task FollowAsync(string taskId, string label)
{
    var live = !Console.IsOutputRedirected;
    while (true)
    {
        var task = await service.GetAsync($"/tasks/{taskId}", stop);
        var status = task["status"]!.GetValue<string>();
        var progress = task["progress"]!;
        var remaining = progress["secondsRemaining"]?.GetValue<double>();
        if (live)
        {
            var percent = (int)progress["percent"]!.GetValue<double>();
            var bar = new string('#', percent / 4).PadRight(25, '.');
            Console.Write($"\r  {label,-11} [{bar}] {percent,3} %  {task["phase"]?.GetValue<string>() ?? status,-11}"
                + (remaining is { } seconds ? $" about {seconds:0} s left   " : "                  "));
        }

        if (status is "succeeded" or "failed" or "cancelled")
        {
            var took = task["finishedAt"]!.GetValue<DateTimeOffset>() - task["startedAt"]!.GetValue<DateTimeOffset>();
            Console.WriteLine($"{(live ? "\r" : "")}  {label,-11} {status} in {took.TotalSeconds:0.0} s, version {task["version"]}                                        ");
            if (status != "succeeded") throw new DemoException($"task {taskId} {status}: {task["failure"]?.ToJsonString()}");
            return;
        }

        await Task.Delay(TimeSpan.FromMilliseconds(300), stop);
    }
}

static void PrintSummary(string name, JsonNode summary) =>
    Console.WriteLine($"   {name,-28}{MatrixView.Metric(summary, "averageAccuracy"),18}{MatrixView.Metric(summary, "backwardTransfer"),20}{MatrixView.Metric(summary, "forgetting"),13}");
