using System.Globalization;
using System.Text;

namespace ContinualService.Api.Adapters;

/// <summary>The matrix as a table for spreadsheets: one line per measured cell.</summary>
internal static class MatrixCsv
{
    public static string Write(MatrixResponse matrix)
    {
        var names = matrix.Tasks.ToDictionary(task => task.Id, task => task.Name);
        var text = new StringBuilder("task,name,version,kind,score,n,low,high,metric,forgetting\r\n");
        foreach (var cell in matrix.Cells)
        {
            text.Append(CultureInfo.InvariantCulture, $"{cell.Task},{Quote(names[cell.Task])},{cell.Version},{cell.Kind},{cell.Score:R},{cell.N},{cell.Low:R},{cell.High:R},{cell.Metric},{cell.Forgetting:R}\r\n");
        }

        return text.ToString();
    }

    private static string Quote(string name)
    {
        // A leading formula sign would be run by a spreadsheet.
        if (name.Length > 0 && "=+-@\t\r".Contains(name[0])) name = "'" + name;
        return name.IndexOfAny([',', '"', '\r', '\n']) < 0 ? name : $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }
}
