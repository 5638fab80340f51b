using System.Globalization;
using System.Text;

namespace ContinualService.Engine.Text.Jinja;

/// <summary><c>datetime.strftime</c> in the C locale, for a time without zone.</summary>
internal static class Strftime
{
    public static string Format(string format, DateTimeOffset time)
    {
        var text = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 >= format.Length)
            {
                text.Append(format[i]);
                continue;
            }

            var flag = format[i + 1] is '-' or '_' or '0' && i + 2 < format.Length ? format[++i] : '\0';
            text.Append(Flagged(Field(format[++i], time), flag));
        }

        return text.ToString();
    }

    /// <summary>glibc's flags: <c>-</c> drops the padding of a number, <c>_</c> pads it with blanks.</summary>
    private static string Flagged(string field, char flag)
    {
        if (flag is '\0' or '0' || field.Length < 2 || !field.TrimStart(' ').All(char.IsAsciiDigit)) return field;
        var bare = field[..^1].TrimStart('0', ' ') + field[^1];
        return flag == '-' ? bare : bare.PadLeft(field.Length);
    }

    private static string Field(char directive, DateTimeOffset time) => directive switch
    {
        'a' => Dotnet(time, "ddd"),
        'A' => Dotnet(time, "dddd"),
        'b' or 'h' => Dotnet(time, "MMM"),
        'B' => Dotnet(time, "MMMM"),
        'c' => $"{Dotnet(time, "ddd MMM")} {time.Day,2} {Dotnet(time, "HH:mm:ss yyyy")}",
        'C' => Two(time.Year / 100),
        'd' => Two(time.Day),
        'D' or 'x' => Dotnet(time, "MM'/'dd'/'yy"),
        'e' => $"{time.Day,2}",
        'f' => (time.Ticks % TimeSpan.TicksPerSecond / 10).ToString("000000", CultureInfo.InvariantCulture),
        'F' => Dotnet(time, "yyyy-MM-dd"),
        'g' => Two(ISOWeek.GetYear(time.DateTime) % 100),
        'G' => ISOWeek.GetYear(time.DateTime).ToString("0000", CultureInfo.InvariantCulture),
        'H' => Two(time.Hour),
        'I' => Two(Twelve(time)),
        'j' => time.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
        'k' => $"{time.Hour,2}",
        'l' => $"{Twelve(time),2}",
        'm' => Two(time.Month),
        'M' => Two(time.Minute),
        'n' => "\n",
        'p' => time.Hour < 12 ? "AM" : "PM",
        'P' => time.Hour < 12 ? "am" : "pm",
        'r' => $"{Two(Twelve(time))}:{Two(time.Minute)}:{Two(time.Second)} {(time.Hour < 12 ? "AM" : "PM")}",
        'R' => Dotnet(time, "HH:mm"),
        's' => time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
        'S' => Two(time.Second),
        't' => "\t",
        'T' or 'X' => Dotnet(time, "HH:mm:ss"),
        'u' => (((int)time.DayOfWeek + 6) % 7 + 1).ToString(CultureInfo.InvariantCulture),
        'U' => Two((time.DayOfYear + 6 - (int)time.DayOfWeek) / 7),
        'V' => Two(ISOWeek.GetWeekOfYear(time.DateTime)),
        'w' => ((int)time.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'W' => Two((time.DayOfYear + 6 - (((int)time.DayOfWeek + 6) % 7)) / 7),
        'y' => Two(time.Year % 100),
        'Y' => time.Year.ToString(CultureInfo.InvariantCulture),
        'z' or 'Z' => "",
        '%' => "%",
        _ => "%" + directive,
    };

    private static int Twelve(DateTimeOffset time) => time.Hour % 12 == 0 ? 12 : time.Hour % 12;

    private static string Two(int value) => value.ToString("00", CultureInfo.InvariantCulture);

    private static string Dotnet(DateTimeOffset time, string format) => time.ToString(format, CultureInfo.InvariantCulture);
}
