using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ContinualService.Domain.Tasks;
using ContinualService.Engine.Models;
using ContinualService.TestKit;
using ContinualService.Worker.Child;
using ContinualService.Worker.Runs;

namespace ContinualService.Worker.Tests.Child;

/// <summary>Specifications of one task, each with an output folder of its own, and what the runs left there. Needs no service.</summary>
internal sealed class RunFolder : IDisposable
{
    private const string Model = "llama2";

    private readonly string _root = Directory.CreateTempSubdirectory("run-").FullName;
    private readonly string _model = Path.Combine(Shared.Folder("conformance/models"), Model);

    /// <summary>Eight rows to train on: two steps an epoch.</summary>
    /// <param name="epochs">Passes over them.</param>
    /// <param name="learningRate">Peak.</param>
    /// <param name="word">What the rows are of; another word is another task.</param>
    public RunSpec Spec(int epochs, double learningRate = 5e-4, string word = "red") => new()
    {
        TaskId = $"task_{word}",
        Attempt = 1,
        ModelName = Model,
        ModelFolder = _model,
        BaseDigest = ModelDigest.Of(_model),
        Device = "cpu",
        Threads = 1,
        Method = "slao",
        Rank = 4,
        Alpha = 8,
        TargetModules = ["q_proj", "v_proj"],
        PreviousState = null,
        Train = Rows(Enumerable.Range(1, 8), word),
        Hyperparameters = new Hyperparameters { Epochs = epochs, BatchSize = 4, Dropout = 0.1, LearningRate = learningRate },
        Evaluations = [new EvaluationSpec($"task_{word}", Rows(Enumerable.Range(9, 3), word), "loss", [], null)],
        OutputFolder = Directory.CreateDirectory(Path.Combine(_root, Guid.NewGuid().ToString("N"))).FullName,
    };

    public static byte[] State(RunSpec spec) => File.ReadAllBytes(Path.Combine(spec.OutputFolder, RunResult.StateFile));

    public static byte[] Weights(RunSpec spec) => File.ReadAllBytes(Path.Combine(spec.OutputFolder, RunResult.AdapterFile));

    public static StoredFile StoredState(RunSpec spec)
    {
        var path = Path.Combine(spec.OutputFolder, RunResult.StateFile);
        return new StoredFile(path, RunFiles.Sha256Of(path));
    }

    /// <summary>What the service makes of a message once it has the file: the start of the next attempt.</summary>
    public static StoredFile Stored(RunSpec spec, RunMessage.Checkpoint checkpoint) => new(Path.Combine(spec.OutputFolder, checkpoint.File), checkpoint.Sha256);

    public static string Write(RunSpec spec)
    {
        var path = Path.Combine(spec.OutputFolder, "spec.json");
        RunJson.Write(path, spec);
        return path;
    }

    /// <summary>Runs in this process and gives all that was said.</summary>
    /// <param name="spec">What to run.</param>
    /// <param name="stopAt">Asks for a stop as soon as such a message was sent.</param>
    public static (bool Finished, IReadOnlyList<RunMessage> Said) Run(RunSpec spec, Func<RunMessage, bool>? stopAt = null)
    {
        using var stop = new CancellationTokenSource();
        List<RunMessage> said = [];
        using var output = new Listener(message =>
        {
            said.Add(message);
            if (stopAt?.Invoke(message) == true) stop.Cancel();
        });
        var reporter = new RunReporter(output);
        return (spec.Replay is { } replay ? ReplayRunner.Run(spec, replay, reporter, stop.Token) : TaskRunner.Run(spec, reporter, stop.Token), said);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>Raw text rows.</summary>
    public StoredFile Rows(IEnumerable<int> numbers, string word = "red")
    {
        var bytes = Encoding.UTF8.GetBytes(string.Concat(numbers.Select(i => JsonSerializer.Serialize(new { text = $"{word} {i} {word}" }) + "\n")));
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes));
        var path = Path.Combine(_root, sha256);
        File.WriteAllBytes(path, bytes);
        return new StoredFile(path, sha256);
    }

    /// <summary>The reporter writes a line at a time.</summary>
    private sealed class Listener(Action<RunMessage> hear) : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => hear(RunMessage.Parse(Encoding.UTF8.GetString(buffer))!);

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
    }
}
