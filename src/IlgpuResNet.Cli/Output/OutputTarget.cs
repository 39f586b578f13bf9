using System.CommandLine;

namespace IlgpuResNet.Cli;

/// <summary>
/// A tensor that a command writes, and its file: <c>FILE.npy</c> is the network's own result, <c>NAME=FILE.npy</c> a tensor inside it,
/// <c>NAME</c> alone that tensor in <c>NAME.npy</c>.
/// </summary>
/// <param name="Tensor">Name of the tensor, or null for the network's own result.</param>
/// <param name="File">The file, of one of <see cref="TensorFile.Extensions"/>.</param>
internal sealed record OutputTarget(string? Tensor, string File)
{
    private const string UsualExtension = ".npy";

    /// <summary>The option <c>--output</c>.</summary>
    public static Option<string[]> CreateOption(string result)
    {
        var option = new Option<string[]>("--output", "-o")
        {
            Description = $"Where to write {result}: a .npy, .csv, .safetensors or .pb file; "
                + $"LAYER=FILE for a tensor inside the network, LAYER for it in LAYER{UsualExtension}. May be repeated.",
            Required = true,
            HelpName = "FILE",
        };
        option.Validators.Add(given =>
        {
            foreach (string text in given.Tokens.Select(token => token.Value))
            {
                if (text.Length == 0) given.AddError($"{option.Name} must be a path, but is empty");
                else if (Parse(text) is not { File.Length: > 0, Tensor: null or { Length: > 0 } } target)
                    given.AddError($"{option.Name} needs FILE, LAYER=FILE or LAYER, but has '{text}'");
                else if (!IsFile(target.File))
                    given.AddError(OptionValidation.WrongExtension(option, "writes", TensorFile.Extensions, target.File));
            }
        });
        return option;
    }

    /// <summary>Reads all values of the option.</summary>
    /// <param name="texts">The values.</param>
    /// <param name="inputs">What the command reads: files, or names that are no files.</param>
    /// <exception cref="ResNetException">A file would be written twice, or over one that is read, or its folder does not exist.</exception>
    public static OutputTarget[] ParseAll(IEnumerable<string> texts, params IReadOnlyCollection<string> inputs)
    {
        OutputTarget[] targets = [.. texts.Select(Parse)];
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (OutputTarget target in targets)
        {
            OutputFile.Check(target.File, "the output", inputs);
            if (!taken.Add(OutputFile.Resolve(target.File)))
                throw new ResNetException($"{target.File}: would be written twice; give each output a file of its own.");
        }
        return targets;
    }

    /// <summary>Reads one value of the option.</summary>
    public static OutputTarget Parse(string text)
    {
        int sign = text.IndexOf('=', StringComparison.Ordinal);
        if (sign >= 0) return new OutputTarget(text[..sign], text[(sign + 1)..]);
        if (IsFile(text)) return new OutputTarget(null, text);
        return new OutputTarget(text, string.Concat(text.Split(Path.GetInvalidFileNameChars())) + UsualExtension);
    }

    private static bool IsFile(string text) => TensorFile.Extensions.Contains(Path.GetExtension(text).ToLowerInvariant());
}
