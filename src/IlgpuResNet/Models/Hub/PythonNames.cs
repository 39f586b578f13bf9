using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace IlgpuResNet.Models;

/// <summary>
/// Reads class names that Python wrote by <c>str()</c>: <c>{0: 'tench', 1: "it's"}</c> or <c>['tench', 'goldfish']</c>. JSON of that shape
/// is read, too.
/// </summary>
internal static class PythonNames
{
    /// <summary>The names in the order of their indices; null for any other text.</summary>
    public static ImmutableArray<string>? Parse(string text)
    {
        int position = 0;
        bool indexed = Next(text, ref position) == '{';
        if (!indexed && Next(text, ref position) != '[') return null;
        char end = indexed ? '}' : ']';
        position++;
        var names = ImmutableArray.CreateBuilder<string>();
        while (Next(text, ref position) != end)
        {
            if (indexed && !TryIndex(text, ref position, names.Count)) return null;
            if (TryText(text, ref position) is not { } name || string.IsNullOrWhiteSpace(name)) return null;
            names.Add(name);
            if (Next(text, ref position) == ',') position++;
            else if (Next(text, ref position) != end) return null;
        }
        return names.Count > 0 ? names.ToImmutable() : null;
    }

    /// <summary>The next character that is no space; null at the end.</summary>
    private static char? Next(string text, ref int position)
    {
        while (position < text.Length && char.IsWhiteSpace(text[position])) position++;
        return position < text.Length ? text[position] : null;
    }

    /// <summary>Reads an index, with or without quotes, and the colon; true when it is the expected one.</summary>
    private static bool TryIndex(string text, ref int position, int expected)
    {
        Next(text, ref position);
        int colon = text.IndexOf(':', position);
        if (colon < 0) return false;
        ReadOnlySpan<char> key = text.AsSpan(position, colon - position).Trim().Trim('"').Trim('\'');
        position = colon + 1;
        return int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index == expected;
    }

    /// <summary>Reads a quoted text; null where there is none.</summary>
    private static string? TryText(string text, ref int position)
    {
        if (Next(text, ref position) is not ('\'' or '"')) return null;
        char quote = text[position++];
        var name = new StringBuilder();
        while (position < text.Length && text[position] != quote)
        {
            if (text[position] == '\\' && position + 1 < text.Length && (text[position + 1] is '\'' or '"' or '\\')) position++;
            name.Append(text[position++]);
        }
        if (position == text.Length) return null;
        position++;
        return name.ToString();
    }
}
