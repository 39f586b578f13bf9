using System.Runtime.CompilerServices;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// The indirection table of the convolution (as in XNNPACK's IGEMM): for every tap of the filter and every output pixel of a block, a
/// pointer to the run of input floats that the tap multiplies. A tap in the padding points to a run of zeros, so that the register tile
/// needs no height, width, stride or padding.
/// </summary>
/// <remarks>
/// A run is one input pixel's C channels, of which a panel of a grouped convolution reads a part. With few channels a run is a whole filter
/// row, S·C floats, which lie together in memory; at the left and right border they are copied between zeros. Runs that would evict one
/// another from the first-level cache are copied, too (<see cref="CopiesRuns"/>). The table is in scratch memory of the caller.
/// </remarks>
internal unsafe ref struct SimdInputTable
{
    /// <summary>
    /// Largest number of channels for which a run is a filter row: shorter runs would be mostly loop overhead (the stem has 3).
    /// </summary>
    private const int MaxChannelsOfRowRuns = 8;

    /// <summary>Bytes between addresses that share a set of the first-level cache, on nearly every processor.</summary>
    private const int CacheSetStride = 4096;

    /// <summary>Floats of a cache line, which is left free between copied runs.</summary>
    private const int CacheLine = 16;

    private readonly Conv2dShape shape;
    private readonly float* input;
    private readonly float* zeros;
    private readonly float* copies;
    private readonly float** table;
    private readonly int maxPixels;
    private readonly bool hasRowRuns;
    private readonly bool copiesRuns;

    /// <summary>Makes an empty table.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="input">Its input.</param>
    /// <param name="maxPixels">Largest number of pixels of a block.</param>
    /// <param name="scratch">At least <see cref="ScratchBytes"/>, aligned for pointers; its contents do not matter.</param>
    public SimdInputTable(in Conv2dShape shape, float* input, int maxPixels, void* scratch)
    {
        this.shape = shape;
        this.input = input;
        this.maxPixels = maxPixels;
        hasRowRuns = UsesRowRuns(shape);
        copiesRuns = CopiesRuns(shape);
        Taps = TapsOf(shape);
        PixelsPerRun = PixelsPerRunOf(shape);
        table = (float**)scratch;
        zeros = (float*)(table + (nint)Taps * maxPixels);
        copies = zeros + RunStride(shape);
        new Span<float>(zeros, RunLength).Clear();
    }

    /// <summary>
    /// Scratch memory of a table in bytes: the pointers, a run of zeros and, where runs are copied, as many copies as there are pointers.
    /// </summary>
    public static long ScratchBytes(in Conv2dShape shape, int maxPixels)
    {
        long pointers = (long)TapsOf(shape) * maxPixels;
        long runs = 1 + (UsesRowRuns(shape) || CopiesRuns(shape) ? pointers : 0);
        return pointers * sizeof(float*) + runs * RunStride(shape) * sizeof(float);
    }

    /// <summary>Runs per pixel.</summary>
    public readonly int Taps { get; }

    /// <summary>Input pixels in a run.</summary>
    public readonly int PixelsPerRun { get; }

    /// <summary>Pointers <c>[Taps][maxPixels]</c>.</summary>
    public readonly float** Pointers => table;

    private readonly int RunLength => PixelsPerRun * shape.C;

    /// <summary>
    /// True when neighbouring output pixels read runs that are a multiple of <see cref="CacheSetStride"/> apart. A register tile has more
    /// rows than the cache has ways, so that each cache line would be loaded again for each of its floats; the runs are copied to places
    /// that do not collide.
    /// </summary>
    public static bool CopiesRuns(in Conv2dShape shape) =>
        shape.Groups == 1 && !UsesRowRuns(shape) && (long)shape.StrideW * shape.C * sizeof(float) % CacheSetStride == 0 && shape.Q > 1;

    /// <summary>Floats that the runs of one output pixel occupy in the caches.</summary>
    public static long FloatsPerPixel(in Conv2dShape shape) => CopiesRuns(shape)
        ? (long)TapsOf(shape) * RunStride(shape)
        : (long)shape.C * Math.Min(shape.R, shape.StrideH) * Math.Min(shape.S, shape.StrideW);

    /// <summary>
    /// Writes the pointers to the runs of <paramref name="count"/> pixels of the output <c>[N·P·Q]</c>, from <paramref name="first"/> on.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Fill(int first, int count)
    {
        int q = first % shape.Q;
        int p = first / shape.Q % shape.P;
        int n = first / shape.Q / shape.P;
        float* copy = copies;
        for (int pixel = 0; pixel < count;)
        {
            int length = Math.Min(shape.Q - q, count - pixel);
            copy = hasRowRuns ? FillRowRuns(pixel, length, n, p, q, copy) : FillPixelRuns(pixel, length, n, p, q, copy);
            pixel += length;
            q = 0;
            if (++p < shape.P) continue;
            p = 0;
            n++;
        }
    }

    private static bool UsesRowRuns(in Conv2dShape shape) =>
        shape.C <= MaxChannelsOfRowRuns && shape.S > 1 && shape.DilationW == 1 && shape.Groups == 1;

    private static int TapsOf(in Conv2dShape shape) => UsesRowRuns(shape) ? shape.R : shape.R * shape.S;

    private static int PixelsPerRunOf(in Conv2dShape shape) => UsesRowRuns(shape) ? shape.S : 1;

    private static int RunStride(in Conv2dShape shape)
    {
        int length = PixelsPerRunOf(shape) * shape.C;
        return CopiesRuns(shape) ? length + CacheLine : length;
    }

    private readonly float* Address(int n, int h, int w) => input + (((nint)n * shape.H + h) * shape.W + w) * shape.C;

    /// <summary>
    /// The range of <paramref name="length"/> positions, which begin at <paramref name="start"/> and are the horizontal stride apart, that
    /// lie from 0 to before <paramref name="end"/>.
    /// </summary>
    private readonly (int From, int To) Inside(int start, int end, int length)
    {
        int from = start >= 0 ? 0 : IntegerMath.DivideRoundUp(-start, shape.StrideW);
        int to = end <= start ? 0 : IntegerMath.DivideRoundUp(end - start, shape.StrideW);
        from = Math.Min(from, length);
        return (from, Math.Clamp(to, from, length));
    }

    /// <summary>Writes the pointers of neighbouring pixels of one output row. Returns the place of the next copy.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly float* FillPixelRuns(int pixel, int length, int n, int p, int q, float* copy)
    {
        float** slots = table + pixel;
        nint step = (nint)shape.StrideW * shape.C;
        for (int r = 0; r < shape.R; r++)
        {
            int h = p * shape.StrideH - shape.PadH + r * shape.DilationH;
            for (int s = 0; s < shape.S; s++, slots += maxPixels)
            {
                int w = q * shape.StrideW - shape.PadW + s * shape.DilationW;
                (int from, int to) = (uint)h < (uint)shape.H ? Inside(w, shape.W, length) : (length, length);
                for (int i = 0; i < from; i++) slots[i] = zeros;
                float* run = Address(n, h, w + from * shape.StrideW);
                for (int i = from; i < to; i++, run += step)
                {
                    slots[i] = run;
                    if (!copiesRuns) continue;
                    new ReadOnlySpan<float>(run, shape.C).CopyTo(new Span<float>(copy, shape.C));
                    slots[i] = copy;
                    copy += shape.C + CacheLine;
                }
                for (int i = to; i < length; i++) slots[i] = zeros;
            }
        }
        return copy;
    }

    /// <summary>
    /// Writes the pointers of neighbouring pixels of one output row where a run is a filter row. Returns the place of the next copy.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly float* FillRowRuns(int pixel, int length, int n, int p, int q, float* copy)
    {
        float** slots = table + pixel;
        nint step = (nint)shape.StrideW * shape.C;
        int w = q * shape.StrideW - shape.PadW;
        (int from, int to) = Inside(w, shape.W - shape.S + 1, length);
        for (int r = 0; r < shape.R; r++, slots += maxPixels)
        {
            int h = p * shape.StrideH - shape.PadH + r * shape.DilationH;
            if ((uint)h >= (uint)shape.H)
            {
                for (int i = 0; i < length; i++) slots[i] = zeros;
                continue;
            }
            for (int i = 0; i < from; i++) slots[i] = CopyRow(n, h, w + i * shape.StrideW, ref copy);
            float* run = Address(n, h, w + from * shape.StrideW);
            for (int i = from; i < to; i++, run += step) slots[i] = run;
            for (int i = to; i < length; i++) slots[i] = CopyRow(n, h, w + i * shape.StrideW, ref copy);
        }
        return copy;
    }

    /// <summary>Copies a filter row that reaches over the border, with zeros there.</summary>
    private readonly float* CopyRow(int n, int h, int w, ref float* copy)
    {
        int from = Math.Clamp(-w, 0, shape.S);
        int to = Math.Clamp(shape.W - w, from, shape.S);
        if (from == to) return zeros;
        float* run = copy;
        var destination = new Span<float>(run, RunLength);
        destination.Clear();
        new ReadOnlySpan<float>(Address(n, h, w + from), (to - from) * shape.C).CopyTo(destination[(from * shape.C)..]);
        copy += RunLength;
        return run;
    }
}
