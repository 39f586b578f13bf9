using System.CommandLine;
using System.Globalization;

namespace IlgpuResNet.Cli;

/// <summary>Checks of option values that end in exit code 2 with the option's name and range.</summary>
internal static class OptionValidation
{
    public static void RequireWholeNumber(this Option<int> option, int least, int most) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count == 0) return;
        string text = result.Tokens[^1].Value;
        if (!int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) || value < least || value > most)
            result.AddError($"{option.Name} must be a whole number from {least} to {most}, but is '{text}'");
    });
}
