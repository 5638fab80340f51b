using System.Globalization;
using System.Text.RegularExpressions;
using ContinualService.Api.Errors;
using ContinualService.Engine.Models;
using ContinualService.Infrastructure.Database;
using Microsoft.EntityFrameworkCore;

namespace ContinualService.Api.Adapters;

/// <summary>What an adapter may be called: nothing that a URL, a version selector, an id or a base model needs.</summary>
internal sealed partial class AdapterNames(ServiceDbContext database, ModelCatalog catalog)
{
    /// <summary>Characters of the longest name.</summary>
    public const int Longest = 64;

    // Room for the number of a name that is taken.
    private const int NumberLength = 8;

    /// <summary>What is wrong with a name; null: nothing.</summary>
    public FieldError? Check(string? name, string field)
    {
        if (name is null || !NamePattern().IsMatch(name))
            return new(null, field, "The name is missing or has characters that a URL or a version selector needs.", "Use 1 to 64 letters, digits, dots, dashes or underscores, starting with a letter or digit.");
        if (name.StartsWith("adp_", StringComparison.Ordinal) || catalog.Find(name) is not null)
            return new(null, field, "The name reads as an adapter's id or is a base model's.", "Choose a name of your own.");
        return null;
    }

    /// <summary>The name, or the first of name-2, name-3, ... that none of the tenant's adapters has; call under the tenant's lock.</summary>
    public async Task<string> FreeAsync(string tenantId, string name, CancellationToken cancellationToken)
    {
        var stem = name[..Math.Min(name.Length, Longest - NumberLength)];
        var taken = await database.AdaptersOf(tenantId).Where(row => row.Name.StartsWith(stem)).Select(row => row.Name).ToHashSetAsync(cancellationToken);
        var free = name;
        for (var number = 2; taken.Contains(free) || catalog.Find(free) is not null; number++) free = string.Create(CultureInfo.InvariantCulture, $"{stem}-{number}");
        return free;
    }

    /// <summary>A name made of a text that need not be one.</summary>
    public static string From(string text)
    {
        var name = OtherCharacters().Replace(text, "-");
        return name[..Math.Min(name.Length, Longest)];
    }

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    private static partial Regex NamePattern();

    [GeneratedRegex("[^A-Za-z0-9._-]")]
    private static partial Regex OtherCharacters();
}
