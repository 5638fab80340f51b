using System.Text.Json;
using System.Text.Json.Nodes;
using ContinualService.Api.Errors;
using ContinualService.Api.Models;
using ContinualService.Api.Requests;
using ContinualService.Api.Tenants;
using ContinualService.Domain;
using ContinualService.Domain.Adapters;
using ContinualService.Engine.Continual;
using ContinualService.Engine.Lora;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Adapters;

/// <summary>Validates a new adapter whole and stores it.</summary>
internal sealed class CreateAdapter(ServiceDbContext database, ModelCatalog catalog, ModelTexts texts, AdapterNames names, TimeProvider time)
{
    private const int DefaultRank = 8;
    public const int LargestRank = 256;
    private const double DefaultAlpha = 16;
    public const double LargestAlpha = 1e6;
    public const string DefaultMethod = "slao";

    public async Task<Outcome<Adapter>> RunAsync(Caller caller, JsonObject body, CancellationToken cancellationToken)
    {
        // Step 1: what the body alone shows.
        var errors = new List<FieldError>();
        var request = StrictJson.Bind<CreateAdapterRequest>(body, errors);
        CheckFields(request, errors);
        var targets = Targets(request.TargetModules, errors);
        if (errors.Count > 0) return Problem.Invalid(errors);

        // Step 2: against the model.
        if (catalog.Choose(texts, request.Model).Failed(out var unknown, out var model)) return unknown;
        var adapter = Build(caller.TenantId, request.Name!, model, request, targets);
        if (CheckLayers(model, adapter.Rank, adapter.Alpha, targets) is { } layers) return Problem.Invalid([layers]);
        if (CheckTemplate(model, adapter.ContinualMethod()) is { } template) return Problem.Invalid([template]);

        // Step 3: store.
        return await StoreAsync(caller, adapter, "adapter.create", [], cancellationToken);
    }

    /// <summary>Stores a checked adapter with the rows that belong to it; of two requests with one name the second waits for the lock and sees the first's adapter.</summary>
    public async Task<Outcome<Adapter>> StoreAsync(Caller caller, Adapter adapter, string action, IEnumerable<object> rows, CancellationToken cancellationToken)
    {
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        await database.LockTenantAsync(caller.TenantId, cancellationToken);
        if (await database.AdaptersOf(caller.TenantId).AnyAsync(row => row.Name == adapter.Name, cancellationToken))
            return new Problem(ProblemTypes.NameTaken, $"There is an adapter '{adapter.Name}' already. Choose another name, or DELETE /adapters/{adapter.Name} first.");
        database.Adapters.Add(adapter);
        database.AddRange(rows);
        database.Record(caller, action, adapter.Id, adapter.CreatedAt);
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return adapter;
    }

    /// <summary>An adapter that is made with its first task, with the service's defaults; not stored yet.</summary>
    public Adapter WithDefaults(string tenantId, string name, CatalogModel model) => Build(tenantId, name, model, new CreateAdapterRequest(), [LoraConfig.AllLinear]);

    /// <summary>An adapter of a request whose fields are checked; not stored yet.</summary>
    public Adapter Build(string tenantId, string name, CatalogModel model, CreateAdapterRequest request, IReadOnlyList<string> targets) => new()
    {
        Id = Ids.New("adp"),
        TenantId = tenantId,
        Name = name,
        Model = model.Name,
        BaseDigest = model.Digest,
        TemplateSha256 = texts.Of(model).Chat.TemplateSha256,
        Rank = request.Rank ?? DefaultRank,
        Alpha = request.Alpha ?? DefaultAlpha,
        TargetModulesJson = JsonSerializer.Serialize(targets),
        Method = request.Method ?? DefaultMethod,
        // Whole, with what was not sent: a later default is not this adapter's.
        MethodOptionsJson = ContinualMethods.ByName(request.Method ?? DefaultMethod, request.MethodOptions?.ToJsonString() ?? "{}").Options.ToJson().ToJsonString(),
        GateJson = request.Gate?.ToPolicy(request.Method ?? DefaultMethod, []).Write(),
        CreatedAt = time.GetUtcNow(),
    };

    private void CheckFields(CreateAdapterRequest request, List<FieldError> errors)
    {
        if (names.Check(request.Name, "name") is { } badName) errors.Add(badName);
        if (request.Rank is < 1 or > LargestRank) errors.Add(new(null, "rank", $"The rank {request.Rank} is out of range.", $"Send 1 to {LargestRank}."));
        if (request.Alpha is { } alpha && !(alpha is > 0 and <= LargestAlpha)) errors.Add(new(null, "alpha", "The alpha is out of range.", $"Send a number above 0, at most {LargestAlpha:0}."));
        CheckMethod(request.Method, request.MethodOptions, errors);
        request.Gate?.ToPolicy(request.Method ?? DefaultMethod, errors);
    }

    /// <summary>Adds what is wrong with a method (null: the default) or its options.</summary>
    public static void CheckMethod(string? method, JsonObject? options, List<FieldError> errors)
    {
        if (method is not null && !ContinualMethods.Names.Contains(method))
            errors.Add(new(null, "method", $"There is no method '{method}'.", $"Send one of: {string.Join(", ", ContinualMethods.Names)}."));
        else
            errors.AddRange(ContinualMethods.Check(method ?? DefaultMethod, options ?? []).Select(fault => new FieldError(null, $"methodOptions.{fault.Option}", fault.Reason, fault.Mend)));
    }

    /// <summary>What keeps a method from teaching this base.</summary>
    public FieldError? CheckTemplate(CatalogModel model, IContinualMethod method) => !method.NeedsUserTurn || texts.Of(model).Chat.UserTurn is not null
        ? null
        : new(null, "method", $"The method '{method.Name}' writes user's turns, and the model '{model.Name}' has no chat template that says how.", $"Choose another method, or add chat_template.jinja to the model's folder. Methods: {string.Join(", ", ContinualMethods.Names)}.");

    private static List<string> Targets(JsonNode? node, List<FieldError> errors)
    {
        const string Mend = "Send \"all-linear\" or an array of layer names such as [\"q_proj\", \"v_proj\"].";
        switch (node)
        {
            case null:
                return [LoraConfig.AllLinear];
            case JsonValue value when value.TryGetValue<string>(out var text):
                if (text != LoraConfig.AllLinear) errors.Add(new(null, "targetModules", $"'{text}' is no choice of layers.", Mend));
                return [text];
            case JsonArray { Count: > 0 } array when array.All(item => item is JsonValue value && value.TryGetValue<string>(out _)):
                var names = array.Select(item => item!.GetValue<string>()).ToList();
                if (names.Distinct().Count() != names.Count) errors.Add(new(null, "targetModules", "A name is there more than once.", "Name each layer once."));
                return names;
            default:
                errors.Add(new(null, "targetModules", "The layers are not named.", Mend));
                return [];
        }
    }

    /// <summary>What is wrong with a rank or a choice of layers for a model; null: nothing.</summary>
    public static FieldError? CheckLayers(CatalogModel model, int rank, double alpha, IReadOnlyList<string> targets)
    {
        try
        {
            var narrowest = LoraWeights.Resolve(model.Config, new LoraConfig(rank, alpha, targets)).Min(site => Math.Min(site.InFeatures, site.OutFeatures));
            // An orthonormal basis of R rows needs R columns at least.
            return rank <= narrowest ? null : new(null, "rank", $"The rank {rank} is larger than a target layer's width {narrowest}.", $"Send 1 to {narrowest}, or name wider layers.");
        }
        catch (ModelFormatException exception)
        {
            // The message lists the layers that exist.
            return new(null, "targetModules", exception.Message, "GET /models lists each model's targetModules.");
        }
    }
}
