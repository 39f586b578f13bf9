using System.Globalization;
using System.Text;

namespace IlgpuResNet.Cli;

/// <summary>
/// Makes text from files, such as names of files, nodes and classes, harmless for a terminal. The library does the same to its messages;
/// a test compares the two.
/// </summary>
internal static class TerminalText
{
    private const int LongestName = 120;

    /// <summary>Longest line: room for several paths, which Linux limits to 4096 bytes.</summary>
    private const int LongestLine = 16_384;

    /// <summary>A name without what could break the line or mislead a terminal, cut to a readable length.</summary>
    public static string Short(string name) => Harmless(Cut(name, LongestName));

    /// <summary>
    /// The text as one line: line breaks become spaces, control characters, line separators, broken surrogates and noncharacters become
    /// question marks, and invisible characters, such as those that turn the direction of writing, are left out.
    /// </summary>
    public static string OneLine(string text) => Harmless(Cut(text, LongestLine).ReplaceLineEndings(" "));

    /// <summary>
    /// JSON that means the same, with escapes such as <c>\u202e</c> for the characters that <see cref="OneLine"/> would change. They stand
    /// in its strings alone: outside of these JSON is ASCII.
    /// </summary>
    public static string Json(string json)
    {
        var escaped = new StringBuilder(json.Length);
        foreach (Rune rune in json.EnumerateRunes())
        {
            string text = rune.ToString();
            if (rune.IsAscii || !(IsInvisible(rune) || IsHarmful(rune)))
            {
                escaped.Append(text);
                continue;
            }
            foreach (char unit in text) escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}");
        }
        return escaped.ToString();
    }

    private static string Cut(string text, int length) => text.Length > length ? text[..length] + "..." : text;

    private static string Harmless(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (!IsInvisible(rune)) line.Append(IsHarmful(rune) ? "?" : rune.ToString());
        }
        return line.ToString();
    }

    private static bool IsInvisible(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Format;

    /// <summary>True for what could break a line, and for broken text; a plane's last two code points are reserved.</summary>
    private static bool IsHarmful(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        || rune == Rune.ReplacementChar || (rune.Value & 0xFFFE) == 0xFFFE;
}
