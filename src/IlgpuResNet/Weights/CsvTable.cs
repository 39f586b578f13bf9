using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights;

/// <summary>
/// Writes arrays as comma-separated text (RFC 4180): a heading, then one line per row of the first dimension with all its values.
/// </summary>
internal static class CsvTable
{
    private const string NameColumn = "image";

    /// <summary>Writes as <see cref="AtomicFile"/> does: an existing file is replaced whole or left as it was.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rowNames">A name for each row, written as the first column; empty for no such column.</param>
    /// <param name="shape">Sizes, rows first.</param>
    /// <param name="values">The values, row-major, with enough digits that a reader gets the same floats back.</param>
    /// <exception cref="ResNetException">The file cannot be written.</exception>
    public static void Save(string path, IReadOnlyList<string> rowNames, ImmutableArray<int> shape, float[] values)
    {
        int rows = shape is [var first, ..] ? first : 1;
        int columns = rows == 0 ? 0 : values.Length / rows;
        try
        {
            AtomicFile.Write(path, file =>
            {
                using var text = new StreamWriter(file, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
                IEnumerable<string> heading = Enumerable.Range(0, columns).Select(column => column.ToString(CultureInfo.InvariantCulture));
                text.WriteLine(string.Join(',', rowNames.Count > 0 ? heading.Prepend(NameColumn) : heading));
                for (int row = 0; row < rows; row++)
                {
                    IEnumerable<string> cells = values.Skip(row * columns).Take(columns)
                        .Select(value => value.ToString("R", CultureInfo.InvariantCulture));
                    text.WriteLine(string.Join(',', rowNames.Count > 0 ? cells.Prepend(Quoted(rowNames[row])) : cells));
                }
            });
        }
        catch (IOException e)
        {
            throw new ResNetException($"{path}: the table cannot be written: {e.Message}.", e);
        }
    }

    private static string Quoted(string name) =>
        name.AsSpan().ContainsAny(",\"\r\n") ? $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : name;
}
