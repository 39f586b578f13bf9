using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights;

/// <summary>Element types that weight files hold.</summary>
public enum DataType
{
    /// <summary>IEEE 754 binary32.</summary>
    Float32,

    /// <summary>IEEE 754 binary16.</summary>
    Float16,

    /// <summary>The upper half of a binary32.</summary>
    BFloat16,

    /// <summary>IEEE 754 binary64.</summary>
    Float64,

    /// <summary>Signed integers.</summary>
    Int8,

    /// <inheritdoc cref="Int8"/>
    Int16,

    /// <inheritdoc cref="Int8"/>
    Int32,

    /// <inheritdoc cref="Int8"/>
    Int64,

    /// <summary>Unsigned bytes.</summary>
    UInt8,

    /// <summary>One byte each, 0 or 1.</summary>
    Bool,
}

/// <summary>
/// One named tensor of a state dict. The elements stay where the file has them until they are copied out.
/// Safe to read from several threads.
/// </summary>
public abstract class StateTensor
{
    /// <summary>Full name, such as <c>layer1.0.conv1.weight</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Sizes, outermost first; empty for a scalar.</summary>
    public required ImmutableArray<int> Shape { get; init; }

    /// <summary>Element type in the file.</summary>
    public required DataType DataType { get; init; }

    /// <summary>Product of <see cref="Shape"/>.</summary>
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
    public abstract void CopyTo(Span<float> destination);

    /// <summary>
    /// Copies elements as they are stored, little-endian, in row-major order; as many as the destination holds.
    /// </summary>
    /// <param name="first">Index of the first element.</param>
    /// <param name="destination">Whole elements, not beyond the last one.</param>
    internal abstract void CopyBytes(long first, Span<byte> destination);

    /// <summary>Hands over all elements as they are stored, in order, piece by piece: no tensor is held as a whole.</summary>
    /// <param name="target">What takes them.</param>
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

    /// <summary>All elements in row-major order, converted to float32.</summary>
    public float[] ToArray()
    {
        float[] values = new float[Count];
        CopyTo(values);
        return values;
    }

    /// <summary>True of what can be a weight: any type of floats.</summary>
    internal bool IsFloat => DataType is DataType.Float32 or DataType.Float64 or DataType.Float16 or DataType.BFloat16;

    /// <summary>All elements in row-major order as doubles, exactly.</summary>
    /// <exception cref="WeightsException">They are no floats.</exception>
    internal double[] ToDoubleArray()
    {
        if (!IsFloat) throw new WeightsException($"tensor {FileText.Clean(Name)} has elements of type {DataType}; floats were expected.");
        if (DataType is not DataType.Float64) return Array.ConvertAll(ToArray(), value => (double)value);
        double[] values = new double[Count];
        CopyBytes(0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>Refuses a destination that does not hold exactly all elements.</summary>
    private protected void CheckLength(int length)
    {
        if (length != Count)
            throw new ArgumentException($"tensor {FileText.Clean(Name)} has {Count} elements, but the destination has {length}.", nameof(length));
    }
}
