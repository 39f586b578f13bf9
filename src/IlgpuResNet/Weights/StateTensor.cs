using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights;

/// <summary>Element types of tensors in weight files.</summary>
public enum DataType
{
    /// <summary>IEEE 754 binary32.</summary>
    Float32,

    /// <summary>IEEE 754 binary16.</summary>
    Float16,

    /// <summary>Upper 16 bits of an IEEE 754 binary32.</summary>
    BFloat16,

    /// <summary>IEEE 754 binary64.</summary>
    Float64,

    /// <summary>Signed integer of 8 bits.</summary>
    Int8,

    /// <summary>Signed integer of 16 bits.</summary>
    Int16,

    /// <summary>Signed integer of 32 bits.</summary>
    Int32,

    /// <summary>Signed integer of 64 bits.</summary>
    Int64,

    /// <summary>Unsigned integer of 8 bits.</summary>
    UInt8,

    /// <summary>One byte per element, 0 or 1.</summary>
    Bool,
}

/// <summary>
/// A named tensor of a <see cref="StateDict"/>. Its elements stay in the file until they are copied out. Safe to read from several threads.
/// </summary>
public abstract class StateTensor
{
    /// <summary>Full name, such as <c>layer1.0.conv1.weight</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Sizes, outermost first; empty for a scalar.</summary>
    public required ImmutableArray<int> Shape { get; init; }

    /// <summary>Element type in the file.</summary>
    public required DataType DataType { get; init; }

    /// <summary>Number of elements, the product of <see cref="Shape"/>.</summary>
    public long Count
    {
        get
        {
            long count = 1;
            foreach (int size in Shape) count *= size;
            return count;
        }
    }

    /// <summary>Copies all elements in row-major order, converted to float32.</summary>
    /// <param name="destination">Exactly <see cref="Count"/> floats.</param>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    /// <exception cref="ObjectDisposedException">The state dict was disposed.</exception>
    /// <exception cref="WeightsException">The file was changed or cut after it was opened, or cannot be read.</exception>
    public abstract void CopyTo(Span<float> destination);

    /// <summary>Copies elements in their stored type, little-endian and in row-major order, until the destination is full.</summary>
    /// <param name="first">Index of the first element.</param>
    /// <param name="destination">Receives whole elements, at most up to the last one.</param>
    internal abstract void CopyBytes(long first, Span<byte> destination);

    /// <summary>Passes all elements in their stored type, in order and in pieces, so that no tensor is held in memory as a whole.</summary>
    /// <param name="target">Receiver of the pieces.</param>
    /// <param name="write">Called for each piece.</param>
    internal void WriteTo<TTarget>(TTarget target, ReadOnlySpanAction<byte, TTarget> write)
    {
        const int PieceBytes = 1 << 20;
        byte[] piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            int size = DataType.Size();
            for (long first = 0; first < Count;)
            {
                int count = (int)Math.Min(Count - first, PieceBytes / size);
                CopyBytes(first, piece.AsSpan(0, count * size));
                write(piece.AsSpan(0, count * size), target);
                first += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    /// <summary>Returns all elements in row-major order, converted to float32.</summary>
    public float[] ToArray()
    {
        float[] values = new float[Count];
        CopyTo(values);
        return values;
    }

    /// <summary>True for element types that a weight can have: floating point.</summary>
    internal bool IsFloat => DataType is DataType.Float32 or DataType.Float64 or DataType.Float16 or DataType.BFloat16;

    /// <summary>Returns all elements in row-major order as doubles, without rounding.</summary>
    /// <exception cref="WeightsException">The elements are not floating point.</exception>
    internal double[] ToDoubleArray()
    {
        if (!IsFloat) throw new WeightsException($"tensor {FileText.Clean(Name)} has elements of type {DataType}; floats were expected.");
        if (DataType is not DataType.Float64) return Array.ConvertAll(ToArray(), value => (double)value);
        double[] values = new double[Count];
        CopyBytes(0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>Throws unless the destination holds exactly all elements.</summary>
    private protected void CheckLength(int length)
    {
        if (length != Count)
        {
            throw new ArgumentException(
                $"tensor {FileText.Clean(Name)} has {Count} elements, but the destination has {length}.", nameof(length));
        }
    }
}
