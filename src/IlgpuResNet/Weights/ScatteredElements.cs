using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IlgpuResNet.Weights;

/// <summary>
/// Reads a tensor whose elements lie scattered in a file, such as one that torch saved transposed or in channels-last order. The file is
/// read forwards and in large parts, in the order in which the elements lie there; each element is then put where row-major order has it.
/// </summary>
internal static class ScatteredElements
{
    private const int WindowBytes = 1 << 20;

    /// <summary>Where the elements take less than this part of the bytes between the first and the last, only they are read.</summary>
    private const int MostGaps = 16;

    /// <summary>Reads elements until the destination is full.</summary>
    /// <param name="lease">File that holds them.</param>
    /// <param name="offset">Position of the tensor's first element in the file, in bytes.</param>
    /// <param name="shape">Sizes, outermost first.</param>
    /// <param name="strides">Elements from one index to the next in the file, per dimension.</param>
    /// <param name="first">Index of the first element, in row-major order.</param>
    /// <param name="destination">Receives the elements in row-major order.</param>
    /// <exception cref="WeightsException">The file was cut or cannot be read.</exception>
    public static void Read<T>(
        WeightsFile.Lease lease, long offset, ImmutableArray<int> shape, ImmutableArray<long> strides, long first, Span<T> destination)
        where T : unmanaged
    {
        if (destination.IsEmpty) return;
        Axis[] axes = Axes(shape, strides, first, destination.Length);
        using var window = new Window<T>(lease, offset, axes, destination.Length);
        Axis run = axes[^1];
        Span<int> index = stackalloc int[axes.Length];
        for (int i = 0; i < axes.Length; i++) index[i] = axes[i].Begin;
        do
        {
            long source = 0, target = -first;
            for (int i = 0; i < axes.Length - 1; i++)
            {
                source += index[i] * axes[i].Source;
                target += index[i] * axes[i].Target;
            }
            long from = Math.Max(run.Begin, CeilingOf(-target, run.Target));
            long to = Math.Min(run.End, CeilingOf(destination.Length - target, run.Target));
            while (from < to)
            {
                int count = (int)Math.Min(to - from, window.Steps(run.Source));
                ReadOnlySpan<T> elements = window.Elements(source + from * run.Source, (int)((count - 1) * run.Source) + 1);
                for (int k = 0; k < count; k++) destination[(int)(target + (from + k) * run.Target)] = elements[(int)(k * run.Source)];
                from += count;
            }
        }
        while (Advance(index, axes));
    }

    /// <summary>Dimensions of more than one index, in descending order of their steps in the file.</summary>
    private static Axis[] Axes(ImmutableArray<int> shape, ImmutableArray<long> strides, long first, int count)
    {
        var axes = new List<Axis>();
        long target = 1;
        for (int d = shape.Length - 1; d >= 0; d--)
        {
            if (shape[d] > 1) axes.Add(new Axis(0, shape[d], strides[d], target));
            target *= shape[d];
        }
        if (axes.Count == 0) return [new Axis(0, 1, 0, 1)];
        // Only the outermost indices between the first and the last element that is wanted.
        Axis outer = axes[^1];
        axes[^1] = outer with { Begin = (int)(first / outer.Target), End = (int)((first + count - 1) / outer.Target) + 1 };
        return [.. axes.OrderByDescending(axis => axis.Source)];
    }

    /// <summary>Moves to the next run; false after the last.</summary>
    private static bool Advance(Span<int> index, Axis[] axes)
    {
        for (int i = axes.Length - 2; i >= 0; i--)
        {
            if (++index[i] < axes[i].End) return true;
            index[i] = axes[i].Begin;
        }
        return false;
    }

    private static long CeilingOf(long numerator, long denominator) => numerator <= 0 ? 0 : (numerator - 1) / denominator + 1;

    /// <summary>A dimension of the tensor.</summary>
    /// <param name="Begin">First index.</param>
    /// <param name="End">Index after the last.</param>
    /// <param name="Source">Elements from one index to the next in the file.</param>
    /// <param name="Target">Elements from one index to the next in row-major order.</param>
    private readonly record struct Axis(int Begin, int End, long Source, long Target)
    {
        /// <summary>Elements from the first index to the last in the file.</summary>
        public long Reach => (End - 1 - Begin) * Source;
    }

    /// <summary>Part of the file in memory that is freed at once; an array would stay with the process until a collection.</summary>
    private unsafe ref struct Window<T> : IDisposable where T : unmanaged
    {
        private readonly WeightsFile.Lease lease;
        private readonly long offset;
        private readonly long lowest;
        private readonly long end;
        private readonly int capacity;
        private readonly bool isWhole;
        private readonly bool readsAhead;
        private T* buffer;
        private long start;
        private int count;

        public Window(WeightsFile.Lease lease, long offset, Axis[] axes, int wanted)
        {
            this.lease = lease;
            this.offset = offset;
            foreach (Axis axis in axes) lowest += axis.Begin * axis.Source;
            bool ascends = true;
            long reach = 0;
            for (int i = axes.Length - 1; i >= 0; i--)
            {
                // Indices further in must end before the next index begins, else reading ahead would read the same bytes again.
                ascends &= axes[i].Source >= reach;
                reach += axes[i].Reach;
            }
            end = lowest + reach + 1;
            capacity = (int)Math.Min(end - lowest, WindowBytes / Unsafe.SizeOf<T>());
            isWhole = capacity == end - lowest;
            readsAhead = ascends && reach / MostGaps <= wanted;
            buffer = (T*)NativeMemory.Alloc((nuint)capacity, (nuint)Unsafe.SizeOf<T>());
        }

        /// <summary>Number of indices whose elements fit the window together.</summary>
        public readonly long Steps(long step) => step == 0 ? int.MaxValue : 1 + (capacity - 1) / step;

        /// <summary>Elements of the tensor's memory from an index on, valid until the next call.</summary>
        public ReadOnlySpan<T> Elements(long from, int length)
        {
            if (from < start || from + length > start + count)
            {
                start = isWhole ? lowest : from;
                count = isWhole ? capacity : readsAhead ? (int)Math.Min(capacity, end - from) : length;
                lease.Read(offset + start * Unsafe.SizeOf<T>(), MemoryMarshal.AsBytes(new Span<T>(buffer, count)));
            }
            return new ReadOnlySpan<T>(buffer + (from - start), length);
        }

        public void Dispose()
        {
            NativeMemory.Free(buffer);
            buffer = null;
        }
    }
}
