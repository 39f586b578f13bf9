using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Single tensors: <c>.pb</c> files, and integers and doubles read exactly.</summary>
internal static class OnnxTensor
{
    /// <summary>Reads a <c>TensorProto</c> file into memory.</summary>
    /// <exception cref="WeightsException">The file is missing, unreadable, damaged, or of an element type that this library does not read.</exception>
    public static StateTensor LoadPb(string path)
    {
        using MappedFile file = OnnxFile.Open(path);
        var budget = new ReadBudget(path, file.Length);
        using MappedFile.Lease lease = file.Borrow();
        StateTensor tensor = new OnnxTensorReader(file, external: null).Read(new ProtoReader(lease.Span(0, (int)file.Length), 0, "TensorProto", budget));
        if (tensor is BytesTensor) return tensor;
        budget.Charge(tensor.Count * tensor.DataType.Size());
        return new BytesTensor { Name = tensor.Name, Shape = tensor.Shape, DataType = tensor.DataType, Values = tensor.ToByteArray() };
    }

    /// <summary>Writes a float32 <c>TensorProto</c> file, as <see cref="AtomicFile"/> does.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="name">Name of the tensor.</param>
    /// <param name="shape">Its sizes, outermost first.</param>
    /// <param name="values">As many as the shape has elements, in row-major order.</param>
    /// <exception cref="WeightsException">The file cannot be written.</exception>
    public static void SavePb(string path, string name, ImmutableArray<int> shape, float[] values)
    {
        var tensor = new ArrayTensor { Name = name, Shape = shape, DataType = DataType.Float32, Values = values };
        if (tensor.Count != values.Length)
            throw new ArgumentException($"tensor {FileText.Clean(name)} of shape {FileText.Shape(shape)} needs {tensor.Count} values, but {values.Length} were given.", nameof(values));
        WeightsFile.Write(path, stream => OnnxWriter.Write(stream, tensor));
    }

    /// <summary>All elements as they are stored, little-endian, in row-major order.</summary>
    /// <exception cref="WeightsException">The tensor is of an element type that this library does not read, or too large for an array.</exception>
    public static byte[] ToByteArray(this StateTensor tensor)
    {
        if (tensor is RefusedTensor refused) throw refused.Refusal();
        if (tensor.Count > Array.MaxLength / tensor.DataType.Size())
            throw new WeightsException($"tensor {OnnxNames.Show(tensor.Name)} of shape {FileText.Shape(tensor.Shape)} is too large to be taken as a whole.");
        byte[] bytes = new byte[tensor.Count * tensor.DataType.Size()];
        tensor.CopyBytes(0, bytes);
        return bytes;
    }

    /// <summary>All elements as float32, in which the network computes.</summary>
    /// <exception cref="WeightsException">A double is too large for that.</exception>
    public static float[] ToSingleArray(this StateTensor tensor)
    {
        float[] values = tensor.ToArray();
        bool tooLarge = tensor.DataType is DataType.Float64 && tensor.ToDoubleArray().Zip(values, (wide, narrow) => double.IsFinite(wide) && !float.IsFinite(narrow)).Any(lost => lost);
        return tooLarge ? throw new WeightsException($"tensor {FileText.Clean(tensor.Name)} holds doubles above the largest float32, in which the network computes; scale them down.") : values;
    }

    /// <summary>All elements of an Int64 or Int32 tensor.</summary>
    /// <exception cref="WeightsException">The tensor has another element type.</exception>
    public static long[] ToInt64Array(this StateTensor tensor)
    {
        byte[] bytes = tensor.ToByteArray();
        return tensor.DataType switch
        {
            DataType.Int64 => MemoryMarshal.Cast<byte, long>(bytes).ToArray(),
            DataType.Int32 => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(bytes).ToArray(), number => (long)number),
            _ => throw WrongType(tensor, "int64 or int32"),
        };
    }

    private static WeightsException WrongType(StateTensor tensor, string expected) =>
        new($"tensor {OnnxNames.Show(tensor.Name)} has elements of type {OnnxElementType.Name(OnnxElementType.FromDataType(tensor.DataType))}; {expected} was expected.");
}
