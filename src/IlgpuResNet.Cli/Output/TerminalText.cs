using System.Globalization;
using System.Text;

namespace IlgpuResNet.Cli;

/// <summary>Text from files, such as names of files and classes, made harmless for a terminal.</summary>
internal static class TerminalText
{
    private const int LongestName = 120;

    /// <summary>A name as <see cref="OneLine"/> writes it, cut to a readable length.</summary>
    public static string Short(string name) => name.Length > LongestName ? OneLine(name[..LongestName]) + "..." : OneLine(name);

    /// <summary>
    /// The text as one line: line breaks become spaces, control characters, line separators and broken surrogates become question marks,
    /// and invisible characters, such as those that turn the direction of writing, are left out.
    /// </summary>
    public static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (Rune rune in text.ReplaceLineEndings(" ").EnumerateRunes())
        {
            UnicodeCategory category = Rune.GetUnicodeCategory(rune);
            if (category is UnicodeCategory.Format) continue;
            bool breaksLine = category is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            line.Append(breaksLine || rune == Rune.ReplacementChar ? "?" : rune.ToString());
        }
        return line.ToString();
    }
}
