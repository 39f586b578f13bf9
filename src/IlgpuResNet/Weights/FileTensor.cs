using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IlgpuResNet.Weights;

/// <summary>Description of a tensor that a reader found in a file.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="DataType">Element type.</param>
/// <param name="Offset">Position of the first element in the file, in bytes.</param>
/// <param name="Strides">Elements from one index to the next, per dimension; default when row-major without gaps.</param>
internal readonly record struct TensorEntry(
    string Name, ImmutableArray<int> Shape, DataType DataType, long Offset, ImmutableArray<long> Strides = default);

/// <summary>A tensor in an open file. The reader has checked that all its elements lie inside the file.</summary>
internal sealed class FileTensor : StateTensor
{
    /// <summary>Bytes converted at a time, which stay in the processor's first cache.</summary>
    private const int PieceBytes = 1 << 14;

    /// <summary>Bytes of scattered elements converted at a time: each piece may read through all of the tensor.</summary>
    private const int ScatteredPieceBytes = 1 << 20;

    /// <summary>File that holds the elements; not owned.</summary>
    public required WeightsFile File { private get; init; }

    /// <inheritdoc cref="TensorEntry.Offset"/>
    public required long Offset { private get; init; }

    /// <inheritdoc cref="TensorEntry.Strides"/>
    public required ImmutableArray<long> Strides { private get; init; }

    /// <inheritdoc/>
    [SkipLocalsInit]
    public override void CopyTo(Span<float> destination)
    {
        CheckLength(destination.Length);
        using WeightsFile.Lease lease = File.Borrow();
        if (DataType is DataType.Float32)
        {
            Copy(lease, 0, MemoryMarshal.AsBytes(destination));
        }
        else if (Strides.IsDefault)
        {
            Convert(lease, stackalloc byte[PieceBytes], destination);
        }
        else
        {
            byte[] piece = ArrayPool<byte>.Shared.Rent(ScatteredPieceBytes);
            try
            {
                Convert(lease, piece, destination);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(piece);
            }
        }
        lease.CheckUnchanged();
    }

    /// <inheritdoc/>
    internal override void CopyBytes(long first, Span<byte> destination)
    {
        using WeightsFile.Lease lease = File.Borrow();
        Copy(lease, first, destination);
        lease.CheckUnchanged();
    }

    private void Convert(WeightsFile.Lease lease, Span<byte> piece, Span<float> destination)
    {
        int size = DataType.Size();
        for (int done = 0; done < destination.Length;)
        {
            int count = Math.Min(destination.Length - done, piece.Length / size);
            Copy(lease, done, piece[..(count * size)]);
            ElementConversion.ToSingle(DataType, piece[..(count * size)], destination.Slice(done, count));
            done += count;
        }
    }

    private void Copy(WeightsFile.Lease lease, long first, Span<byte> destination)
    {
        if (Strides.IsDefault)
        {
            lease.Read(Offset + first * DataType.Size(), destination);
            return;
        }
        switch (DataType.Size())
        {
            case 1:
                ScatteredElements.Read(lease, Offset, Shape, Strides, first, destination);
                break;
            case 2:
                ScatteredElements.Read(lease, Offset, Shape, Strides, first, MemoryMarshal.Cast<byte, ushort>(destination));
                break;
            case 4:
                ScatteredElements.Read(lease, Offset, Shape, Strides, first, MemoryMarshal.Cast<byte, uint>(destination));
                break;
            default:
                ScatteredElements.Read(lease, Offset, Shape, Strides, first, MemoryMarshal.Cast<byte, ulong>(destination));
                break;
        }
    }
}

/// <summary>A tensor in an array.</summary>
internal sealed class ArrayTensor : StateTensor
{
    /// <summary>Row-major elements.</summary>
    public required float[] Values { private get; init; }

    /// <inheritdoc/>
    public override void CopyTo(Span<float> destination)
    {
        CheckLength(destination.Length);
        Values.CopyTo(destination);
    }

    /// <inheritdoc/>
    internal override void CopyBytes(long first, Span<byte> destination) =>
        MemoryMarshal.AsBytes(Values.AsSpan((int)first))[..destination.Length].CopyTo(destination);
}
