using System.Globalization;
using ContinualService.Api.Errors;
using ContinualService.Api.Models;
using ContinualService.Api.Requests;
using ContinualService.Api.Tenants;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Storage;
using static TorchSharp.torch;

namespace ContinualService.Api.Adapters;

/// <summary>Audits a LoRA that was made elsewhere and makes an adapter of it, with the LoRA as version 1.</summary>
internal sealed class ImportAdapter(CreateAdapter create, AdapterNames names, ModelCatalog catalog, ModelTexts texts, IObjectStore objects)
{
    public const string ArchivePart = "file";
    public const string StatePart = "state";

    private const int LargestTaskCount = 1_000_000;
    private const long LargestTextBytes = 1 << 20;

    // A safetensors header names every tensor; this is room for far more than any base has.
    private const long HeaderRoomBytes = 16 << 20;

    public async Task<Outcome<Adapter>> RunAsync(Caller caller, RequestBody body, CancellationToken cancellationToken)
    {
        // Step 1: what the fields alone show.
        var errors = new List<FieldError>();
        var request = StrictJson.Bind<ImportAdapterRequest>(body.Fields, errors);
        var (tasksLearned, sameBase) = CheckFields(request, body, errors);
        if (errors.Count > 0) return Problem.Invalid(errors);
        if (catalog.Choose(texts, request.Model).Failed(out var unknown, out var model)) return unknown;

        // Step 2: the zip, file by file; the configuration says how long the weights can be.
        if (AdapterArchive.Open(body.Files[ArchivePart], PeftAdapter.ConfigFile).Failed(out var unreadable, out var opened)) return unreadable;
        using var archive = opened;
        try
        {
            if (await archive.UnpackAsync(PeftAdapter.ConfigFile, LargestTextBytes, cancellationToken) is { } badConfig) return badConfig;
            var (config, baseName, revision) = PeftAdapter.ReadConfig(archive.Folder);
            if (!sameBase && OtherBase(model, baseName, revision) is { } otherBase) return otherBase;
            var values = LoraWeights.Resolve(model.Config, config).Sum(site => (long)config.RankOf(site.Path) * (site.InFeatures + 2L * site.OutFeatures));
            if (await archive.UnpackAsync(PeftAdapter.WeightsFile, values * sizeof(float) + HeaderRoomBytes, cancellationToken) is { } badWeights) return badWeights;
            var facts = new ImportFacts(null, null);
            if (archive.Holds(PeftAdapter.FactsFile))
            {
                if (await archive.UnpackAsync(PeftAdapter.FactsFile, LargestTextBytes, cancellationToken) is { } badFacts) return badFacts;
                if (ImportFacts.Read(archive.Folder, model).Failed(out var foreign, out facts)) return foreign;
            }

            // Step 3: the weights, in the one shape that adapters have here.
            var weightsPath = Path.Combine(archive.Folder, PeftAdapter.WeightsFile);
            var (uniform, weights, rescaled) = UniformLora.Of(config, PeftAdapter.LoadWeights(weightsPath, config, model.Config, CPU));
            using var disposeWeights = weights;
            // Weights that are as we would write them keep their digest.
            if (rescaled || !PeftAdapter.IsFloat32(weightsPath)) PeftAdapter.Save(archive.Folder, uniform, weights, model.Name);

            // Step 4: the state that the next task starts from: sent along, or what the weights alone allow.
            var method = request.Method is { } wanted ? ContinualMethods.ByName(wanted, request.MethodOptions?.ToJsonString() ?? "{}") : facts.Method ?? new Slao();
            var statePath = Path.Combine(archive.Folder, "state.safetensors");
            using var state = body.Files.TryGetValue(StatePart, out var sent)
                ? await SentStateAsync(sent, statePath, model, cancellationToken)
                : method.StateOf(uniform, weights, tasksLearned ?? facts.TaskIndex ?? 1);
            if (state is null) return NeedsState(method);
            if (sent is not null && CheckState(state, uniform, weights, request.Method is null ? null : method, tasksLearned) is { } other) return other;
            if (CheckShape(model, state.Config) is { } misfit) return Problem.Invalid([misfit]);
            if (create.CheckTemplate(model, state.Method) is { } template) return Problem.Invalid([template]);
            if (sent is null) state.Save(statePath, model.Digest);

            // Step 5: store.
            var shape = new CreateAdapterRequest { Rank = state.Config.Rank, Alpha = state.Config.Alpha, Method = state.Method.Name, MethodOptions = state.Method.Options.ToJson() };
            // The state's own names for the layers: states of the next versions then have the bytes they would have had where it came from.
            var adapter = create.Build(caller.TenantId, request.Name!, model, shape, state.Config.TargetModules);
            return await StoreAsync(caller, adapter, state.TaskIndex, weightsPath, statePath, cancellationToken);
        }
        catch (ModelFormatException refused)
        {
            // The message says what and where; the folder is ours and tells the client nothing.
            return Problem.Invalid(ArchivePart, refused.Message.Replace(archive.Folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal), "See docs/exports.md for what is taken.");
        }
    }

    private (int? TasksLearned, bool SameBase) CheckFields(ImportAdapterRequest request, RequestBody body, List<FieldError> errors)
    {
        if (names.Check(request.Name, "name") is { } badName) errors.Add(badName);
        if (!body.Files.ContainsKey(ArchivePart)) errors.Add(new(null, ArchivePart, "The adapter is missing.", $"Send multipart/form-data with a zip of the PEFT folder as part `{ArchivePart}`."));
        if (request.Method is null && request.MethodOptions is not null)
            errors.Add(new(null, "methodOptions", "Options are there, but no method.", "Send method as well, or leave methodOptions out."));
        else
            CreateAdapter.CheckMethod(request.Method, request.MethodOptions, errors);
        var counted = int.TryParse(request.TasksLearned, NumberStyles.None, CultureInfo.InvariantCulture, out var count);
        if (request.TasksLearned is not null && !(counted && count is >= 1 and <= LargestTaskCount))
            errors.Add(new(null, "tasksLearned", "The number of tasks is out of range.", $"Send 1 to {LargestTaskCount}."));
        if (request.SameBase is not (null or "true" or "false")) errors.Add(new(null, "sameBase", "The value is neither true nor false.", "Send true or false."));
        return (counted ? count : null, request.SameBase == "true");
    }

    /// <summary>The weights of another base of the same shape would load, and answer nonsense.</summary>
    private static Problem? OtherBase(CatalogModel model, string? name, string? revision)
    {
        var last = name?.TrimEnd('/', '\\').Split('/', '\\')[^1];
        if (last == model.Name && revision is null or "main") return null;
        var said = name is null ? "names no base model" : $"names the base '{name}'" + (revision is null ? "" : $", revision '{revision}'");
        return new Problem(ProblemTypes.OtherBase, $"{PeftAdapter.ConfigFile} {said}; the adapter would stand on '{model.Name}'. If these are the same weights, send sameBase=true; else choose the model with the field model.");
    }

    private static FieldError? CheckShape(CatalogModel model, LoraConfig config)
    {
        if (config.Rank > CreateAdapter.LargestRank) return new(null, ArchivePart, $"The rank {config.Rank} is larger than {CreateAdapter.LargestRank}.", "Resize the adapter to a smaller rank.");
        if (!(config.Alpha is > 0 and <= CreateAdapter.LargestAlpha)) return new(null, ArchivePart, $"The alpha {config.Alpha} is out of range.", $"lora_alpha must be above 0, at most {CreateAdapter.LargestAlpha:0}.");
        return CreateAdapter.CheckLayers(model, config.Rank, config.Alpha, config.TargetModules);
    }

    private static async Task<AdapterState> SentStateAsync(UploadedFile sent, string path, CatalogModel model, CancellationToken cancellationToken)
    {
        await using (var file = OwnerOnlyFile.Create(path, FileOptions.Asynchronous)) await file.WriteAsync(sent.Bytes, cancellationToken);
        return AdapterState.Load(path, model.Config, CPU, model.Digest);
    }

    /// <summary>Weights and state that were not published together would serve one adapter and train another.</summary>
    private static Problem? CheckState(AdapterState state, LoraConfig config, LoraWeights weights, IContinualMethod? method, int? tasksLearned)
    {
        using var scope = NewDisposeScope();
        if (method is not null && method.Label() != state.Method.Label()) return Problem.Invalid("method", $"The state was made by '{state.Method.Label()}'.", "Leave method and methodOptions out, or send the zip alone.");
        if (tasksLearned is not null && tasksLearned != state.TaskIndex) return Problem.Invalid("tasksLearned", $"The state has learned {state.TaskIndex} tasks.", "Leave tasksLearned out, or send the zip alone.");
        var (served, shape) = (state.ServingWeights(), state.ServedConfig);
        using var disposeServed = served;
        if (shape.Rank != config.Rank || Math.Abs(shape.Alpha - config.Alpha) > 1e-9 * config.Alpha || !served.Pairs.Select(pair => pair.Site).SequenceEqual(weights.Pairs.Select(pair => pair.Site)))
            return Problem.Invalid(StatePart, $"The state serves rank {shape.Rank}, alpha {shape.Alpha} on {string.Join(", ", shape.TargetModules)}; the zip has rank {config.Rank}, alpha {config.Alpha} on {string.Join(", ", config.TargetModules)}.", "Download format=peft and format=state of one version.");
        var same = served.Pairs.Zip(weights.Pairs).All(both => both.First.A.allclose(both.Second.A, rtol: 0, atol: 0) && both.First.B.allclose(both.Second.B, rtol: 0, atol: 0));
        return same ? null : Problem.Invalid(StatePart, "The state belongs to other weights than those in the zip.", "Download format=peft and format=state of one version.");
    }

    private static Problem NeedsState(IContinualMethod method) => Problem.Invalid(
        StatePart, $"The method '{method.Label()}' keeps more than a LoRA holds.", $"Send download?format=state of the same version as part `{StatePart}`, or choose a method that goes on from weights alone, such as slao or seqlora.");

    private async Task<Outcome<Adapter>> StoreAsync(Caller caller, Adapter adapter, int taskIndex, string weightsPath, string statePath, CancellationToken cancellationToken)
    {
        StoredObject weights, state;
        await using (var file = File.OpenRead(weightsPath)) weights = await objects.PutIfAbsentAsync(file, cancellationToken);
        await using (var file = File.OpenRead(statePath)) state = await objects.PutIfAbsentAsync(file, cancellationToken);
        var version = new AdapterVersion
        {
            Id = Ids.New("ver"),
            AdapterId = adapter.Id,
            Number = 1,
            Sha256 = weights.Sha256,
            StateSha256 = state.Sha256,
            TaskIndex = taskIndex,
            Lambda = 1,
            SizeBytes = weights.SizeBytes,
            StateBytes = state.SizeBytes,
            CreatedAt = adapter.CreatedAt,
        };
        (adapter.HeadVersion, adapter.TaskCount) = (version.Number, taskIndex);
        var live = new AdapterAlias { AdapterId = adapter.Id, Name = AdapterAlias.Live, VersionNumber = version.Number, UpdatedAt = adapter.CreatedAt };
        var move = new AliasChange { Id = Ids.New("chg"), AdapterId = adapter.Id, Alias = AdapterAlias.Live, ToVersion = version.Number, Actor = caller.KeyId, ChangedAt = adapter.CreatedAt };
        return await create.StoreAsync(caller, adapter, "adapter.import", [version, live, move], cancellationToken);
    }
}
