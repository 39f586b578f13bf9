using System.Collections.Immutable;
using System.CommandLine;
using IlgpuResNet.Onnx;

namespace IlgpuResNet.Cli;

/// <summary>
/// A tensor that a command writes, and where: <c>FILE.npy</c> is the network's own result, <c>NAME=FILE.npy</c> a tensor inside it,
/// <c>NAME</c> alone that tensor in a file of its name.
/// </summary>
/// <param name="Tensor">Name of the tensor, or null for the network's own result.</param>
/// <param name="File">The file, .npy or .pb.</param>
internal sealed record OutputTarget(string? Tensor, string File)
{
    private const string Protobuf = ".pb";
    private static readonly ImmutableArray<string> Extensions = [".npy", Protobuf];

    /// <summary>The option <c>--output</c>.</summary>
    public static Option<string[]> CreateOption(string result)
    {
        var option = new Option<string[]>("--output", "-o")
        {
            Description = $"Where to write {result}: a .npy or .pb file; LAYER=FILE for a tensor inside the network, LAYER for it in LAYER.npy. May be repeated.",
            Required = true,
            HelpName = "FILE",
        };
        option.Validators.Add(given =>
        {
            foreach (string text in given.Tokens.Select(token => token.Value))
            {
                if (text.Length == 0) given.AddError($"{option.Name} must be a path, but is empty");
                else if (Parse(text) is not { File.Length: > 0, Tensor: null or { Length: > 0 } } target) given.AddError($"{option.Name} needs FILE, LAYER=FILE or LAYER, but has '{text}'");
                else if (!IsFile(target.File)) given.AddError($"{option.Name} writes .npy and .pb files, but has '{target.File}'");
            }
        });
        return option;
    }

    /// <summary>Reads all values of the option.</summary>
    /// <exception cref="ResNetException">A file would be written twice, or over one that is read.</exception>
    public static OutputTarget[] ParseAll(IEnumerable<string> texts, params IReadOnlyCollection<string> inputs)
    {
        OutputTarget[] targets = [.. texts.Select(Parse)];
        var taken = inputs.Where(System.IO.File.Exists).Select(InputFile.Resolve).ToHashSet(StringComparer.Ordinal);
        foreach (OutputTarget target in targets)
        {
            if (!taken.Add(InputFile.Resolve(target.File))) throw new ResNetException($"{target.File}: is an input too, or written twice; give each output a file of its own.");
        }
        return targets;
    }

    /// <summary>Reads one value of the option.</summary>
    public static OutputTarget Parse(string text)
    {
        int sign = text.IndexOf('=', StringComparison.Ordinal);
        if (sign >= 0) return new OutputTarget(text[..sign], text[(sign + 1)..]);
        if (IsFile(text)) return new OutputTarget(null, text);
        return new OutputTarget(text, string.Concat(text.Split(Path.GetInvalidFileNameChars())) + Extensions[0]);
    }

    private static bool IsFile(string text) => Extensions.Contains(Path.GetExtension(text), StringComparer.OrdinalIgnoreCase);

    /// <summary>Writes the tensor; an existing file is replaced whole or left as it was.</summary>
    /// <exception cref="ResNetException">The file cannot be written.</exception>
    public void Save(string name, ImmutableArray<int> shape, float[] values)
    {
        if (Path.GetExtension(File).Equals(Protobuf, StringComparison.OrdinalIgnoreCase)) OnnxTensor.SavePb(File, name, shape, values);
        else new NpyArray([.. shape], values).Save(File);
    }
}
