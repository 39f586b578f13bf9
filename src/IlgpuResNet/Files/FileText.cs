using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace IlgpuResNet.Files;

/// <summary>Makes text that comes from files safe for messages: one line, of a readable length, that cannot mislead a terminal.</summary>
internal static class FileText
{
    private const int LongestText = 120;

    /// <summary>A name from a file without what could break the line or mislead a terminal, cut to a readable length.</summary>
    public static string Clean(string text) =>
        text.Length > LongestText ? Harmless(text[..LongestText]) + "..." : Harmless(text);

    /// <summary>A whole message as one line: as <see cref="Clean"/>, but uncut and with a space for each line break.</summary>
    public static string OneLine(string text) => Harmless(text.ReplaceLineEndings(" "));

    /// <summary>
    /// Control characters, line separators and broken surrogates become question marks; invisible characters, such as those that turn
    /// the direction of writing, go.
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

    /// <summary>Sizes as PyTorch writes them, such as <c>[64, 3, 7, 7]</c>.</summary>
    public static string Shape(ImmutableArray<int> shape) => $"[{string.Join(", ", shape)}]";
}
