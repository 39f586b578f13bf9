using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using IlgpuResNet.Files;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Cli;

/// <summary>
/// A tensor that a command writes, and where: <c>FILE.npy</c> is the network's own result, <c>NAME=FILE.npy</c> a tensor inside it,
/// <c>NAME</c> alone that tensor in a file of its name.
/// </summary>
/// <param name="Tensor">Name of the tensor, or null for the network's own result.</param>
/// <param name="File">The file, of one of <see cref="Extensions"/>.</param>
internal sealed record OutputTarget(string? Tensor, string File)
{
    private const string Protobuf = ".pb";
    private const string Csv = ".csv";
    private const string Safetensors = ".safetensors";
    private static readonly ImmutableArray<string> Extensions = [NpyArray.Extension, Protobuf, Csv, Safetensors];

    /// <summary>Metadata of a safetensors file: the names of the images as JSON.</summary>
    private const string ImagesKey = "images";

    /// <summary>The option <c>--output</c>.</summary>
    public static Option<string[]> CreateOption(string result)
    {
        var option = new Option<string[]>("--output", "-o")
        {
            Description = $"Where to write {result}: a .npy, .csv, .safetensors or .pb file; LAYER=FILE for a tensor inside the network, LAYER for it in LAYER.npy. May be repeated.",
            Required = true,
            HelpName = "FILE",
        };
        option.Validators.Add(given =>
        {
            foreach (string text in given.Tokens.Select(token => token.Value))
            {
                if (text.Length == 0) given.AddError($"{option.Name} must be a path, but is empty");
                else if (Parse(text) is not { File.Length: > 0, Tensor: null or { Length: > 0 } } target) given.AddError($"{option.Name} needs FILE, LAYER=FILE or LAYER, but has '{text}'");
                else if (!IsFile(target.File)) given.AddError($"{option.Name} writes {string.Join(", ", Extensions)} files, but has '{target.File}'");
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
            if (!taken.Add(InputFile.Resolve(target.File))) throw new ResNetException($"{target.File}: would be written twice; give each output a file of its own.");
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
    /// <param name="name">Name of the tensor.</param>
    /// <param name="shape">Its sizes.</param>
    /// <param name="values">Its elements, row-major.</param>
    /// <param name="imageNames">Names of its rows, for .csv and .safetensors; or none.</param>
    /// <exception cref="ResNetException">The file cannot be written.</exception>
    public void Save(string name, ImmutableArray<int> shape, float[] values, IReadOnlyList<string> imageNames)
    {
        switch (Path.GetExtension(File).ToLowerInvariant())
        {
            case Protobuf:
                OnnxTensor.SavePb(File, name, shape, values);
                break;
            case Csv:
                CsvTable.Save(File, imageNames, shape, values);
                break;
            case Safetensors:
                var metadata = new Dictionary<string, string>();
                if (imageNames.Count > 0) metadata[ImagesKey] = JsonSerializer.Serialize([.. imageNames], TextContext.Default.StringArray);
                StateDict.Create([(name, shape, values)]).Save(File, metadata);
                break;
            default:
                new NpyArray([.. shape], values).Save(File);
                break;
        }
    }
}

/// <summary>JSON of names.</summary>
[JsonSerializable(typeof(string[]))]
internal sealed partial class TextContext : JsonSerializerContext;
