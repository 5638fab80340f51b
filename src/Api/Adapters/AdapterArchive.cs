using System.IO.Compression;
using System.IO.Hashing;
using ContinualService.Api.Errors;
using ContinualService.Api.Requests;

namespace ContinualService.Api.Adapters;

/// <summary>
/// A PEFT adapter in an uploaded zip. Only files that are asked for are unpacked, under names of our own and up to a number of bytes: what the zip
/// calls them, and what it claims of their lengths, decides nothing.
/// </summary>
internal sealed class AdapterArchive : IDisposable
{
    private readonly ZipArchive _zip;
    private readonly string _prefix;

    private AdapterArchive(ZipArchive zip, string prefix) => (_zip, _prefix) = (zip, prefix);

    /// <summary>Where the files are unpacked; only the service's own user may enter it.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("import-").FullName;

    /// <param name="file">The upload.</param>
    /// <param name="marker">The file that must be there: at the root, or in one folder, where its siblings are then looked for.</param>
    public static Outcome<AdapterArchive> Open(UploadedFile file, string marker)
    {
        try
        {
            var zip = new ZipArchive(file.Open(), ZipArchiveMode.Read);
            var found = zip.Entries.Where(entry => entry.FullName == marker || (entry.Name == marker && entry.FullName.Count(character => character == '/') == 1)).ToList();
            if (found is [var only]) return new AdapterArchive(zip, only.FullName[..^marker.Length]);
            zip.Dispose();
            return Bad(found.Count == 0 ? $"The zip holds no {marker}." : $"The zip holds {found.Count} files {marker}.", "Zip one adapter's folder, or the files in it.");
        }
        catch (InvalidDataException)
        {
            return Bad("The file is no zip, or a damaged one.", "Send the zip that download?format=peft gave, or zip the folder that PEFT saved.");
        }
    }

    public bool Holds(string name) => _zip.GetEntry(_prefix + name) is not null;

    /// <summary>Unpacks a file into <see cref="Folder"/>; what is wrong with it, or null.</summary>
    public async Task<Problem?> UnpackAsync(string name, long largestBytes, CancellationToken cancellationToken)
    {
        if (_zip.Entries.Where(entry => entry.FullName == _prefix + name).ToList() is not [var entry])
            return Bad($"The zip holds no {name}, or more than one.", "Zip the folder that PEFT saved; weights in other formats (.bin, .gguf) are not read.");
        try
        {
            await using var content = await entry.OpenAsync(cancellationToken);
            await using var target = OwnerOnlyFile.Create(Path.Combine(Folder, name), FileOptions.Asynchronous);
            var checksum = new Crc32();
            var buffer = new byte[1 << 16];
            for (int count; (count = await content.ReadAsync(buffer, cancellationToken)) > 0;)
            {
                if (target.Length + count > largestBytes) return Bad($"{name} has more than {largestBytes} bytes unpacked, the most that rank and layers can need.", "Send the adapter's own files.");
                checksum.Append(buffer.AsSpan(0, count));
                await target.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
                await target.FlushAsync(cancellationToken);
            }

            // The zip reader does not: a weight with a flipped bit would be served.
            return checksum.GetCurrentHashAsUInt32() == entry.Crc32 ? null : Damaged(name);
        }
        catch (InvalidDataException)
        {
            return Damaged(name);
        }
    }

    public void Dispose()
    {
        _zip.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static Problem Damaged(string name) => Bad($"{name} cannot be unpacked: it is damaged, encrypted, or compressed in a way that is not read.", "Zip it again without a password.");

    private static Problem Bad(string reason, string mend) => Problem.Invalid("file", reason, mend);
}
