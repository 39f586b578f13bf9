using System.Collections.Immutable;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Single tensors: <c>.pb</c> files, and integers and doubles read exactly.</summary>
internal static class OnnxTensor
{
    /// <summary>Reads a <c>TensorProto</c> file into memory.</summary>
    /// <exception cref="WeightsException">The file is missing, unreadable, damaged, or of an element type that this library does not read.</exception>
    public static StateTensor LoadPb(string path) => throw new WeightsException($"{path}: cannot be read yet.");

    /// <summary>Writes a float32 <c>TensorProto</c> file.</summary>
    /// <exception cref="WeightsException">The file cannot be written.</exception>
    public static void SavePb(string path, string name, ImmutableArray<int> shape, ReadOnlySpan<float> values) => throw new WeightsException($"{path}: cannot be written yet.");

    /// <summary>All elements of an Int64 or Int32 tensor.</summary>
    /// <exception cref="WeightsException">The tensor has another element type.</exception>
    public static long[] ToInt64Array(this StateTensor tensor) => throw new WeightsException($"{tensor.Name}: cannot be read yet.");

    /// <summary>All elements of a Float64, Float32, Float16 or BFloat16 tensor, exactly.</summary>
    /// <exception cref="WeightsException">The tensor has another element type.</exception>
    public static double[] ToDoubleArray(this StateTensor tensor) => throw new WeightsException($"{tensor.Name}: cannot be read yet.");
}
