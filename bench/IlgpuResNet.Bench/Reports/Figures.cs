using System.Globalization;
using System.Text.Json;
using IlgpuResNet.Bench.Engines;
using Spectre.Console;

namespace IlgpuResNet.Bench;

/// <summary>Writes figures: tables for people, JSON for programs.</summary>
internal static class Figures
{
    /// <summary>Columns of a table that goes to a file or a pipe.</summary>
    private const int UnlimitedWidth = 10_000;

    private static readonly JsonSerializerOptions SnakeCase = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
    };

    /// <summary>A table whose first columns are text and whose others are numbers.</summary>
    public static Table Table(int textColumns, params IReadOnlyList<string> columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        for (int i = 0; i < columns.Count; i++)
        {
            var column = new TableColumn(columns[i]);
            table.AddColumn(i < textColumns ? column : column.RightAligned());
        }
        return table;
    }

    /// <summary>Both engines with median and range, and last the line <c>ratio</c>.</summary>
    public static void Print(PairedRounds rounds, string unit, string format)
    {
        Table table = Table(1, "engine", $"median {unit}", $"min {unit}", $"max {unit}");
        Add("ours", Statistics.Of(rounds.Ours));
        Add(OrtEngine.Name, Statistics.Of(rounds.Peer));
        Print(table);
        Statistics ratio = rounds.Ratio;
        Console.WriteLine($"per round   ours / peer from {Text(ratio.Min, "F3")} to {Text(ratio.Max, "F3")}");
        Console.WriteLine($"ratio {Text(ratio.Median, "F3")}");

        void Add(string engine, Statistics values) =>
            table.AddRow(engine, Text(values.Median, format), Text(values.Min, format), Text(values.Max, format));
    }

    public static void Print(Table table)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings());
        if (Console.IsOutputRedirected) console.Profile.Width = UnlimitedWidth;
        console.Write(table);
    }

    /// <summary>Prints whether a figure reaches its bar; null when that is unknown.</summary>
    public static void PrintBar(string bar, bool? met) =>
        Console.WriteLine($"{(met switch { true => "met    ", false => "MISSED ", null => "unknown" })} {bar}");

    /// <summary>A number in the invariant culture.</summary>
    public static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    /// <summary>Day, time and offset from UTC.</summary>
    public static string Date(DateTimeOffset moment) => moment.ToString("yyyy-MM-dd HH:mm zzz", CultureInfo.InvariantCulture);

    /// <summary>Writes the properties of a record as one object, names in snake case; does nothing without a path.</summary>
    public static void WriteJson<T>(string? path, T figures)
    {
        if (path is not null) File.WriteAllText(path, JsonSerializer.Serialize(figures, SnakeCase) + "\n");
    }
}
