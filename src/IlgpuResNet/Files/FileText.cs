using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace IlgpuResNet.Files;

/// <summary>Makes text that comes from files safe for messages: one line, of a readable length, that cannot mislead a terminal.</summary>
internal static class FileText
{
    private const int LongestName = 120;

    /// <summary>Longest message: room for several paths, which Linux limits to 4096 bytes.</summary>
    private const int LongestMessage = 16_384;

    /// <summary>A name from a file without what could break the line or mislead a terminal, cut to a readable length.</summary>
    public static string Clean(string text) => Harmless(Cut(text, LongestName));

    /// <summary>
    /// A whole message as one line: as <see cref="Clean"/>, but with a space for each line break, and cut only where it is longer than any
    /// message of this library.
    /// </summary>
    public static string OneLine(string text) => Harmless(Cut(text, LongestMessage).ReplaceLineEndings(" "));

    /// <summary>The text's beginning: cut before anything else is done, because some work takes the square of the length.</summary>
    private static string Cut(string text, int length) => text.Length > length ? text[..length] + "..." : text;

    /// <summary>
    /// Control characters, line separators, broken surrogates and noncharacters, two of which XML lacks, become question marks. Invisible
    /// characters, such as those that turn the direction of writing, are left out.
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
                    clean.Append(rune == Rune.ReplacementChar || IsNoncharacter(rune) ? "?" : rune.ToString());
                    break;
            }
        }
        return clean.ToString();
    }

    /// <summary>True for the last two code points of each plane, which Unicode reserves (section 23.7).</summary>
    private static bool IsNoncharacter(Rune rune) => (rune.Value & 0xFFFE) == 0xFFFE;

    /// <summary>Formats a shape as PyTorch does, such as <c>[64, 3, 7, 7]</c>.</summary>
    public static string Shape(ImmutableArray<int> shape) => $"[{string.Join(", ", shape)}]";
}
