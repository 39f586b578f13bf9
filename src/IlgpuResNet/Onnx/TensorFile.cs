using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using IlgpuResNet.Files;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet;

/// <summary>
/// Single float32 tensors as files, for exchange with other programs. The file's name chooses the format: <c>.npy</c> of NumPy, <c>.pb</c>
/// of ONNX's test data (TensorProto), <c>.csv</c> and <c>.safetensors</c>.
/// </summary>
public static partial class TensorFile
{
    private const string Npy = ".npy";
    private const string Protobuf = ".pb";
    private const string Csv = ".csv";
    private const string Safetensors = ".safetensors";

    /// <summary>Metadata of a safetensors file: the names of the rows as a JSON array.</summary>
    private const string RowNamesKey = "images";

    /// <summary>File name extensions of the formats that <see cref="Save"/> writes, in lower case.</summary>
    public static ImmutableArray<string> Extensions { get; } = [Npy, Protobuf, Csv, Safetensors];

    /// <summary>
    /// Reads a tensor: a <c>.pb</c> file of any element type that weights may have, converted to float32; any other file as a float32
    /// <c>.npy</c> in C order.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <returns>The sizes, outermost first, and the elements in row-major order.</returns>
    /// <exception cref="ResNetException">
    /// The file cannot be read, is damaged or of another format, or holds a double that float32 cannot.
    /// </exception>
    public static (ImmutableArray<int> Shape, float[] Values) Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (FileExtension.Of(path) == Protobuf)
        {
            StateTensor tensor = OnnxTensor.LoadPb(path);
            return (tensor.Shape, tensor.ToSingleArray());
        }
        NpyArray array = NpyArray.Load(path);
        return ([.. array.Shape], array.Values);
    }

    /// <summary>
    /// Writes a tensor aside and renames the file when it is complete: a file that was there is replaced whole or left as it was.
    /// </summary>
    /// <param name="path">The file to make or replace; it must end in one of <see cref="Extensions"/>, in any case.</param>
    /// <param name="name">Name of the tensor, for <c>.pb</c> and <c>.safetensors</c>.</param>
    /// <param name="shape">Its sizes, outermost first.</param>
    /// <param name="values">As many as the shape has elements, in row-major order.</param>
    /// <param name="rowNames">
    /// A name for each row of the first dimension, or none: the first column of <c>.csv</c>, a JSON array under <c>images</c> in the
    /// metadata of <c>.safetensors</c>.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The file's name has another ending, the values do not fill the shape, or there are not as many names as rows.
    /// </exception>
    /// <exception cref="ResNetException">The file cannot be written.</exception>
    public static void Save(string path, string name, ImmutableArray<int> shape, float[] values, IReadOnlyList<string>? rowNames = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(values);
        string extension = FileExtension.Require(path, Extensions, nameof(path));
        rowNames ??= [];
        long count = shape.Aggregate(1L, (product, size) => product * size);
        string sizes = FileText.Shape(shape);
        if (count != values.Length)
            throw new ArgumentException($"a tensor of shape {sizes} needs {count} values, but {values.Length} were given.", nameof(values));
        if (rowNames.Count > 0 && (shape is not [var rows, ..] || rows != rowNames.Count))
            throw new ArgumentException($"a tensor of shape {sizes} cannot have {rowNames.Count} rows with names.", nameof(rowNames));
        switch (extension)
        {
            case Npy:
                new NpyArray([.. shape], values).Save(path);
                break;
            case Protobuf:
                OnnxTensor.SavePb(path, name, shape, values);
                break;
            case Csv:
                CsvTable.Save(path, rowNames, shape, values);
                break;
            default:
                var metadata = new Dictionary<string, string>();
                if (rowNames.Count > 0) metadata[RowNamesKey] = JsonSerializer.Serialize([.. rowNames], NamesContext.Default.StringArray);
                StateDict.Create([(name, shape, values)]).Save(path, metadata);
                break;
        }
    }

    /// <summary>JSON of names.</summary>
    [JsonSerializable(typeof(string[]))]
    private sealed partial class NamesContext : JsonSerializerContext;
}
