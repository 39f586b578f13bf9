using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace IlgpuResNet.Weights;

/// <summary>Puts text from files into messages that stay on one short line.</summary>
internal static class Message
{
    private const int LongestText = 120;

    /// <summary>The text as <see cref="OneLine"/> shows it, cut to a readable length.</summary>
    public static string Clean(string text) =>
        text.Length > LongestText ? OneLine(text[..LongestText]) + "..." : OneLine(text);

    /// <summary>
    /// The whole text without what could break the line or mislead a terminal: line breaks become spaces, other control characters and
    /// broken surrogates become question marks, and invisible characters, such as those that turn the direction of writing, go.
    /// </summary>
    public static string OneLine(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (Rune rune in text.ReplaceLineEndings(" ").EnumerateRunes())
        {
            switch (Rune.GetUnicodeCategory(rune))
            {
                case UnicodeCategory.Format:
                    break;
                case UnicodeCategory.Control:
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
