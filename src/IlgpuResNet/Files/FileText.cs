using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace IlgpuResNet.Files;

/// <summary>Makes text that comes from files safe for messages: one line, of a readable length, that cannot mislead a terminal.</summary>
internal static class FileText
{
    private const int LongestText = 120;

    /// <summary>
    /// Cleans a name from a file, so that it cannot break the line or mislead a terminal, and cuts it to a readable length.
    /// </summary>
    public static string Clean(string text) =>
        text.Length > LongestText ? Harmless(text[..LongestText]) + "..." : Harmless(text);

    /// <summary>Cleans a whole message as <see cref="Clean"/> does, without a cut, and replaces line breaks by spaces.</summary>
    public static string OneLine(string text) => Harmless(text.ReplaceLineEndings(" "));

    /// <summary>
    /// Replaces control characters, line separators and broken surrogates by question marks, and drops invisible characters, such as those
    /// that change the direction of writing.
    /// </summary>
    private static string Harmless(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            switch (Rune.GetUnicodeCategory(rune))
            {
                case UnicodeCategory.Format:
                    break;
                case UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator:
                    clean.Append('?');
                    break;
                default:
                    clean.Append(rune == Rune.ReplacementChar ? "?" : rune.ToString());
                    break;
            }
        }
        return clean.ToString();
    }

    /// <summary>Formats a shape as PyTorch does, such as <c>[64, 3, 7, 7]</c>.</summary>
    public static string Shape(ImmutableArray<int> shape) => $"[{string.Join(", ", shape)}]";
}
