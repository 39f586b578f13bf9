using System.CommandLine;
using System.Globalization;

namespace IlgpuResNet.Cli;

/// <summary>Checks of option values. A wrong value ends in exit code 2 with the option's name and what it must be.</summary>
internal static class OptionValidation
{
    /// <summary>Beginning of the error of an unknown option.</summary>
    public const string NoSuchOption = "there is no option";

    public static void RequireWholeNumber<T>(this Option<T> option, int least, int most) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count == 0) return;
        string text = result.Tokens[^1].Value;
        if (!int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) || value < least || value > most)
            result.AddError($"{option.Name} must be a whole number from {least} to {most}, but is '{text}'");
    });

    public static void RequireOneOf(this Option<string?> option, params IReadOnlyList<string> choices)
    {
        option.CompletionSources.Add([.. choices]);
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !choices.Contains(result.Tokens[^1].Value))
                result.AddError($"{option.Name} must be one of {string.Join(", ", choices)}, but is '{result.Tokens[^1].Value}'");
        });
    }

    /// <summary>
    /// Requires the name of a file that ends in one of some extensions; an empty one is left to <see cref="RequirePath"/>.
    /// </summary>
    /// <param name="option">The option.</param>
    /// <param name="verb">What the command does with such files, for the message.</param>
    /// <param name="extensions">The extensions, in lower case.</param>
    public static void RequireExtension<T>(this Option<T> option, string verb, params IReadOnlyList<string> extensions) =>
        option.Validators.Add(result =>
        {
            foreach (string path in result.Tokens.Select(token => token.Value).Where(path => path.Length > 0))
            {
                if (!extensions.Contains(Path.GetExtension(path).ToLowerInvariant()))
                    result.AddError(WrongExtension(option, verb, extensions, path));
            }
        });

    /// <summary>The error of <see cref="RequireExtension"/>.</summary>
    public static string WrongExtension(Option option, string verb, IReadOnlyList<string> extensions, string path) =>
        $"{option.Name} {verb} {string.Join(", ", extensions)} files, but has '{path}'";

    public static void RequirePath<T>(this Option<T> option) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count > 0 && result.Tokens[^1].Value.Length == 0) result.AddError($"{option.Name} must be a path, but is empty");
    });

    public static void RequirePaths<T>(this Argument<T> argument) => argument.Validators.Add(result =>
    {
        // The parser takes an unknown option for one more path.
        foreach (string value in result.Tokens.Select(token => token.Value))
        {
            if (value.Length == 0) result.AddError($"'{argument.Name}' must be a path, but is empty");
            else if (value[0] == '-' && value.Length > 1 && !Path.Exists(value)) result.AddError($"{NoSuchOption} '{value}'");
        }
    });
}
