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

/// <summary>A tensor in a mapped file. The reader has checked that all its elements lie inside the file.</summary>
internal sealed class FileTensor : StateTensor
{
    private const int PieceBytes = 1 << 14;

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
            return;
        }
        int size = DataType.Size();
        Span<byte> piece = stackalloc byte[PieceBytes];
        for (int done = 0; done < destination.Length;)
        {
            int count = Math.Min(destination.Length - done, PieceBytes / size);
            Copy(lease, done, piece[..(count * size)]);
            ElementConversion.ToSingle(DataType, piece[..(count * size)], destination.Slice(done, count));
            done += count;
        }
    }

    /// <inheritdoc/>
    internal override void CopyBytes(long first, Span<byte> destination)
    {
        using WeightsFile.Lease lease = File.Borrow();
        Copy(lease, first, destination);
    }

    private void Copy(WeightsFile.Lease lease, long first, Span<byte> destination)
    {
        if (Strides.IsDefault) lease.Read(Offset + first * DataType.Size(), destination);
        else Gather(lease, first, destination);
    }

    private void Gather(WeightsFile.Lease lease, long first, Span<byte> destination)
    {
        switch (DataType.Size())
        {
            case 1:
                GatherElements(lease, first, destination);
                break;
            case 2:
                GatherElements(lease, first, MemoryMarshal.Cast<byte, ushort>(destination));
                break;
            case 4:
                GatherElements(lease, first, MemoryMarshal.Cast<byte, uint>(destination));
                break;
            default:
                GatherElements(lease, first, MemoryMarshal.Cast<byte, ulong>(destination));
                break;
        }
    }

    private void GatherElements<T>(WeightsFile.Lease lease, long first, Span<T> destination) where T : unmanaged
    {
        int rank = Shape.Length;
        Span<long> index = stackalloc long[rank];
        long rest = first;
        for (int d = rank - 1; d >= 0; d--) (rest, index[d]) = Math.DivRem(rest, Shape[d]);

        int last = rank - 1;
        int size = Unsafe.SizeOf<T>();
        int step = (int)Math.Min(Strides[last], int.MaxValue);
        // A run's source must fit one span, which limits its length.
        int longest = 1 + (int.MaxValue / size - 1) / Math.Max(step, 1);
        for (int done = 0; done < destination.Length;)
        {
            long position = 0;
            for (int d = 0; d < rank; d++) position += index[d] * Strides[d];
            int run = (int)Math.Min(Shape[last] - index[last], Math.Min(destination.Length - done, longest));
            ReadOnlySpan<T> source = MemoryMarshal.Cast<byte, T>(lease.Span(Offset + position * size, ((run - 1) * step + 1) * size));
            for (int k = 0; k < run; k++) destination[done + k] = source[k * step];

            done += run;
            index[last] += run;
            for (int d = last; d > 0 && index[d] == Shape[d]; d--)
            {
                index[d] = 0;
                index[d - 1]++;
            }
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
