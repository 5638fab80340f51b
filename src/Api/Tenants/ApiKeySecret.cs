using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using ContinualService.Domain;
using ContinualService.Domain.Tenants;

namespace ContinualService.Api.Tenants;

/// <summary>Makes keys and the hashes that stand for them in the database.</summary>
internal static class ApiKeySecret
{
    private const int RandomBytes = 32;
    private const int ShownCharacters = 8;

    // An operator may choose a short key: most of it stays secret all the same.
    private const int ShownShare = 4;

    /// <summary>A new key of 256 random bits: guessing needs no slow hash against it.</summary>
    public static string Create() => "csk_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes));

    public static string Hash(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    /// <summary>The row for a key; the key itself is not in it.</summary>
    public static ApiKey Row(string tenantId, string name, string key, DateTimeOffset now) => new()
    {
        Id = Ids.New("key"),
        TenantId = tenantId,
        Name = name,
        KeyHash = Hash(key),
        Prefix = key[..Math.Min(ShownCharacters, key.Length / ShownShare)],
        CreatedAt = now,
    };
}
