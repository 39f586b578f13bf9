using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace IlgpuResNet.Weights;

/// <summary>Puts text from files into messages that stay on one short line.</summary>
internal static class Message
{
    private const int LongestText = 120;

    /// <summary>The text without control and line-breaking characters, cut to a readable length.</summary>
    public static string Clean(string text)
    {
        var clean = new StringBuilder(Math.Min(text.Length, LongestText) + 3);
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, LongestText)))
            clean.Append(char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate ? '?' : c);
        if (text.Length > LongestText) clean.Append("...");
        return clean.ToString();
    }

    /// <summary>Sizes as PyTorch writes them, such as <c>[64, 3, 7, 7]</c>.</summary>
    public static string Shape(ImmutableArray<int> shape) => $"[{string.Join(", ", shape)}]";
}
