using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace ContinualService.Infrastructure.Database;

/// <summary>Stores a moment as milliseconds since 1970 UTC.</summary>
internal sealed class UnixMillisecondsConverter() : ValueConverter<DateTimeOffset, long>(
    moment => moment.ToUnixTimeMilliseconds(),
    milliseconds => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds));
