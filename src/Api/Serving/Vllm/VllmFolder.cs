using System.Security.Cryptography;
using System.Text.RegularExpressions;
using ContinualService.Api.Adapters;
using ContinualService.Engine.Lora;
using ContinualService.Infrastructure.Storage;
using Microsoft.Extensions.Options;

namespace ContinualService.Api.Serving.Vllm;

/// <summary>
/// The adapters' folder that is shared with the servers. Each process of the service has a part of its own in it, <c>OWNER/</c>, whose lock it holds: names on the
/// fleet begin with the owner, so no process unloads what another one uses. A process that starts takes over the part of one that has ended, with what is
/// loaded under its names. A version's files are there as long as a server has it loaded, because a server may read them again at any time.
/// </summary>
internal sealed partial class VllmFolder : IDisposable
{
    private const string LockFile = "owner.lock";
    private const string Unfinished = ".unfinished-";
    private const string Gone = ".gone-";

    // A process that is replaced by its next release must find its part when it is back.
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromMinutes(10);

    private sealed class Entry(Task written)
    {
        public Task Written { get; } = written;
        public int Users { get; set; }
    }

    private readonly IObjectStore _objects;
    private readonly TimeProvider _time;
    private readonly string _root;
    private readonly string _own;
    private readonly string _seen;
    private readonly FileStream _lock;
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly Lock _gate = new();

    /// <exception cref="IOException">The folder cannot be written.</exception>
    public VllmFolder(IOptions<VllmOptions> options, IObjectStore objects, TimeProvider time)
    {
        (_objects, _time) = (objects, time);
        _root = Path.GetFullPath(options.Value.AdaptersFolder);
        _seen = (options.Value.ServersAdaptersFolder ?? _root).TrimEnd('/');
        try
        {
            (Owner, _lock) = Claim();
            _own = Path.Combine(_root, Owner);
            foreach (var left in Directory.EnumerateDirectories(_own, ".*").ToList()) Directory.Delete(left, recursive: true);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"Serving:Vllm:AdaptersFolder cannot be written: {error.Message} Give the service's user the right to write there.", error);
        }
    }

    /// <summary>Stands in every name of this process's on the fleet.</summary>
    public string Owner { get; }

    /// <summary>The folder of a version as the servers see it, written first where it is not there. Each call needs a <see cref="Release"/>.</summary>
    /// <exception cref="ObjectDamagedException">The stored weights are not those of the version.</exception>
    public async Task<string> UseAsync(string name, ServedVersion version)
    {
        Entry entry;
        lock (_gate)
        {
            if (!_entries.TryGetValue(name, out entry!)) _entries[name] = entry = new Entry(Task.Run(() => WriteAsync(name, version)));
            entry.Users++;
        }

        try
        {
            await entry.Written;
        }
        catch
        {
            Release(name);
            throw;
        }

        return $"{_seen}/{Owner}/{name}";
    }

    /// <summary>As <see cref="UseAsync"/> for what an earlier process of this owner wrote; false where it is not there.</summary>
    public bool TryAdopt(string name)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(name, out var entry))
            {
                if (!Directory.Exists(Path.Combine(_own, name))) return false;
                _entries[name] = entry = new Entry(Task.CompletedTask);
            }

            entry.Users++;
            return true;
        }
    }

    /// <summary>The last user's release deletes the files.</summary>
    public void Release(string name)
    {
        lock (_gate)
        {
            var entry = _entries[name];
            if (--entry.Users > 0) return;
            _entries.Remove(name);
            Delete(Path.Combine(_own, name));
        }
    }

    /// <summary>Deletes what nobody uses, and shows other processes that this one lives. Call once every server was asked what it has loaded.</summary>
    public void Tidy()
    {
        File.SetLastWriteTimeUtc(Path.Combine(_own, LockFile), _time.GetUtcNow().UtcDateTime);
        lock (_gate)
        {
            foreach (var name in Directory.EnumerateDirectories(_own).Select(folder => Path.GetFileName(folder)).Where(name => VllmName.Parse(name) is not null && !_entries.ContainsKey(name)).ToList())
                Delete(Path.Combine(_own, name));
        }
    }

    /// <summary>Takes over the parts of processes that ended a while ago and did not come back; <paramref name="unload"/> clears the servers of an owner's names before its files go.</summary>
    public async Task ClearAbandonedAsync(Func<string, Task> unload)
    {
        foreach (var gone in Directory.EnumerateDirectories(_root, Gone + "*").ToList()) Directory.Delete(gone, recursive: true);
        foreach (var part in Parts().Where(part => part != _own))
        {
            var lockFile = Path.Combine(part, LockFile);
            if (!File.Exists(lockFile) || _time.GetUtcNow().UtcDateTime - File.GetLastWriteTimeUtc(lockFile) < AbandonedAfter || TryLock(lockFile) is not { } taken) continue;
            await using (taken)
            {
                await unload(Path.GetFileName(part));
                Delete(part);
            }
        }
    }

    public void Dispose() => _lock.Dispose();

    private (string Owner, FileStream Lock) Claim()
    {
        foreach (var part in Parts())
            if (TryLock(Path.Combine(part, LockFile)) is { } taken) return (Path.GetFileName(part), taken);
        // Locked before it can be seen: another process would take it for one that has ended.
        var owner = RandomNumberGenerator.GetHexString(VllmName.OwnerLength, lowercase: true);
        var unfinished = Directory.CreateDirectory(Path.Combine(_root, Unfinished + owner)).FullName;
        var file = TryLock(Path.Combine(unfinished, LockFile)) ?? throw new IOException($"{unfinished} cannot be locked. Put Serving:Vllm:AdaptersFolder on a file system with locks.");
        Directory.Move(unfinished, Path.Combine(_root, owner));
        return (owner, file);
    }

    private List<string> Parts() => [.. Directory.EnumerateDirectories(_root).Where(folder => OwnerName().IsMatch(Path.GetFileName(folder))).Order(StringComparer.Ordinal)];

    private static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) // a living process holds it, or somebody has just deleted the part
        {
            return null;
        }
    }

    private async Task WriteAsync(string name, ServedVersion version)
    {
        var target = Path.Combine(_own, name);
        if (Directory.Exists(target)) return;
        var unfinished = Directory.CreateDirectory(Path.Combine(_own, Unfinished + Guid.NewGuid().ToString("N"))).FullName;
        try
        {
            var weights = Path.Combine(unfinished, PeftAdapter.WeightsFile);
            await using (var file = File.Create(weights))
            await using (var stored = await version.OpenWeightsAsync(_objects, CancellationToken.None))
                await stored.CopyToAsync(file);
            foreach (var (text, content) in PeftAdapter.Texts(version.Shape, weights, version.Adapter.Model))
                await File.WriteAllTextAsync(Path.Combine(unfinished, text), content);
            // Whole or not at all: a server must never read half of it.
            Directory.Move(unfinished, target);
        }
        catch
        {
            Directory.Delete(unfinished, recursive: true);
            throw;
        }
    }

    private static void Delete(string folder)
    {
        if (!Directory.Exists(folder)) return;
        // Under its name it is whole until it is gone.
        var gone = Path.Combine(Path.GetDirectoryName(folder)!, Gone + Guid.NewGuid().ToString("N"));
        Directory.Move(folder, gone);
        Directory.Delete(gone, recursive: true);
    }

    [GeneratedRegex(@"\A[0-9a-f]{12}\z")]
    private static partial Regex OwnerName();
}
