using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Reads and writes single tensors in <c>.pb</c> files, and reads the elements of tensors as arrays.</summary>
internal static class OnnxTensor
{
    /// <summary>Reads a <c>TensorProto</c> file into memory.</summary>
    /// <exception cref="WeightsException">The file is missing, unreadable, damaged, or has an unsupported element type.</exception>
    public static StateTensor LoadPb(string path)
    {
        using WeightsFile file = OnnxFile.Open(path);
        return file.Parse(lease =>
        {
            var budget = new ReadBudget(path, file.Length);
            var message = new ProtoReader(new FileWindow(lease, budget), 0, (int)file.Length, "TensorProto", budget);
            StateTensor tensor = new OnnxTensorReader(file, external: null).Read(message);
            if (tensor is BytesTensor) return tensor;
            budget.Charge(tensor.Count * tensor.DataType.Size());
            return new BytesTensor { Name = tensor.Name, Shape = tensor.Shape, DataType = tensor.DataType, Values = tensor.ToByteArray() };
        });
    }

    /// <summary>Writes a float32 <c>TensorProto</c> file; it replaces an existing one when complete (<see cref="AtomicFile"/>).</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="name">Name of the tensor.</param>
    /// <param name="shape">Its sizes, outermost first.</param>
    /// <param name="values">Elements in row-major order.</param>
    /// <exception cref="WeightsException">The file cannot be written.</exception>
    public static void SavePb(string path, string name, ImmutableArray<int> shape, float[] values)
    {
        var tensor = new ArrayTensor { Name = name, Shape = shape, DataType = DataType.Float32, Values = values };
        if (tensor.Count != values.Length)
        {
            string needed = $"tensor {FileText.Clean(name)} of shape {FileText.Shape(shape)} needs {tensor.Count} values";
            throw new ArgumentException($"{needed}, but {values.Length} were given.", nameof(values));
        }
        WeightsFileWriter.Write(path, stream => OnnxWriter.Write(stream, tensor));
    }

    /// <summary>All elements as they are stored, little-endian, in row-major order.</summary>
    /// <exception cref="WeightsException">The tensor has an unsupported element type, or is too large for an array.</exception>
    public static byte[] ToByteArray(this StateTensor tensor)
    {
        if (tensor is RefusedTensor refused) throw refused.Refusal();
        if (tensor.Count > Array.MaxLength / tensor.DataType.Size())
        {
            throw new WeightsException(
                $"tensor {OnnxNames.Show(tensor.Name)} of shape {FileText.Shape(tensor.Shape)} is too large to be taken as a whole.");
        }
        byte[] bytes = new byte[tensor.Count * tensor.DataType.Size()];
        tensor.CopyBytes(0, bytes);
        return bytes;
    }

    /// <summary>All elements as float32, in which the network computes.</summary>
    /// <exception cref="WeightsException">A double is too large for float32.</exception>
    public static float[] ToSingleArray(this StateTensor tensor)
    {
        float[] values = tensor.ToArray();
        if (tensor.DataType is DataType.Float64 && tensor.ToDoubleArray().Zip(values, IsTooLarge).Any(lost => lost))
        {
            throw new WeightsException(
                $"tensor {FileText.Clean(tensor.Name)} holds doubles above the largest float32, in which the network computes; "
                + "scale them down.");
        }
        return values;

        static bool IsTooLarge(double wide, float narrow) => double.IsFinite(wide) && !float.IsFinite(narrow);
    }

    /// <summary>All elements of a tensor of int64 or int32.</summary>
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

    private static WeightsException WrongType(StateTensor tensor, string expected)
    {
        string type = OnnxElementType.Name(OnnxElementType.FromDataType(tensor.DataType));
        return new WeightsException($"tensor {OnnxNames.Show(tensor.Name)} has elements of type {type}; {expected} was expected.");
    }
}
