using ContinualService.Api.OpenAi;
using ContinualService.Infrastructure.Storage;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>All servers: which of them gets a request, and how many requests there may be.</summary>
internal sealed class VllmFleet : IDisposable
{
    private readonly VllmOptions _options;
    private readonly VllmFolder _folder;
    private readonly HttpClient _http;
    private readonly ILogger _logger;
    private readonly Dictionary<string, int> _inFlight = []; // per tenant
    private int _total;

    public VllmFleet(IOptions<VllmOptions> options, VllmFolder folder, VllmMetrics metrics, TimeProvider time, ILogger<VllmFleet> logger)
    {
        (_options, _folder, _logger) = (options.Value, folder, logger);
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(_options.ConnectSeconds),
            // A name that has moved to another address is found.
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        Servers = [.. _options.Models.SelectMany(model => model.Value.Servers.Select(address => new Uri(address)).Select(address => new VllmServer(
            address.Authority, model.Key, model.Value.ServedName, new VllmClient(_http, address, _options), folder, _options, metrics, time, logger)))];
        metrics.Watch(Servers);
    }

    public IReadOnlyList<VllmServer> Servers { get; }

    public bool Serves(string model) => _options.Models.ContainsKey(model);

    /// <summary>Longest sequence that every server of a base takes, as far as they have told.</summary>
    public int? MaxTokens(string model) => Of(model).Min(server => server.MaxTokens);

    /// <summary>What is wrong and what to do, for everybody to read; null: every base has a server that answers.</summary>
    public string? Fault() => _options.Models.Keys.Any(model => Of(model).All(server => server.Health.IsAway))
        ? "No vLLM server answers for at least one base model, so its requests are refused; everything else goes on. "
            + "See that the servers of Serving:Vllm run and can be reached; the log says what they answered."
        : null;

    /// <summary>Counts a sequence of a tenant; each needs a <see cref="Leave"/>.</summary>
    /// <exception cref="OpenAiException">There are too many.</exception>
    public void Enter(string tenant)
    {
        lock (_inFlight)
        {
            if (_total >= _options.MaxRequests) throw OpenAiException.Overloaded("Too many requests are under way already. Try again after a moment.");
            var own = _inFlight.GetValueOrDefault(tenant);
            if (own >= _options.MaxRequestsPerTenant) throw OpenAiException.TenantFull();
            (_inFlight[tenant], _total) = (own + 1, _total + 1);
        }
    }

    public void Leave(string tenant)
    {
        lock (_inFlight)
        {
            _total--;
            if (--_inFlight[tenant] == 0) _inFlight.Remove(tenant);
        }
    }

    /// <summary>A hold on the least busy server; one that has the adapter already may be somewhat busier.</summary>
    /// <param name="model">The base.</param>
    /// <param name="version">Null: the base alone.</param>
    /// <param name="leftOut">Servers that this request could not reach.</param>
    /// <param name="cancellationToken">Gives up the wait.</param>
    /// <exception cref="OpenAiException">No server can take it.</exception>
    /// <exception cref="ObjectDamagedException">The stored weights are not those of the version.</exception>
    public async Task<VllmLease> HoldAsync(string model, ServedVersion? version, IReadOnlySet<VllmServer> leftOut, CancellationToken cancellationToken)
    {
        var name = version is null ? null : VllmName.Of(_folder.Owner, version.Adapter.Id, version.Version);
        var (full, refused) = (false, false);
        var candidates = Of(model).Where(server => !leftOut.Contains(server) && server.Health.IsUp)
            .OrderBy(server => server.Health.IsInDoubt)
            .ThenBy(server => server.InFlight - (name is not null && server.Has(name) ? _options.PreferLoadedBy : 0))
            .ThenBy(server => server.LastHold)
            .ToList();
        foreach (var server in candidates)
        {
            if (name is null) return server.HoldBase();
            try
            {
                if (await server.TryHoldAsync(name, version!, cancellationToken) is { } lease) return lease;
                full = true;
            }
            catch (VllmException error) // logged there
            {
                refused |= error.IsRefusal;
            }
            catch (Exception error) when (error is UnauthorizedAccessException or (IOException and not ObjectDamagedException and not ObjectStoreUnavailableException))
            {
                _logger.FolderFailed(error);
                throw OpenAiException.Overloaded("The servers' folder for adapters cannot be written. Ask the operator to give it room and rights.", "fleet_unavailable");
            }
        }

        if (full) throw OpenAiException.Overloaded("Every place for an adapter on the servers is in use by other requests. Try again after a moment.", "fleet_full");
        if (refused) throw OpenAiException.BadGateway("The servers refuse to load this adapter. Ask the operator: the log says why.", "adapter_refused");
        throw OpenAiException.Overloaded($"No server of the base model {model} can take the request. Try again after a moment; if it stays so, ask the operator.", "fleet_unavailable");
    }

    public void Dispose() => _http.Dispose();

    private IEnumerable<VllmServer> Of(string model) => Servers.Where(server => server.Model == model);
}
