using System.Runtime.CompilerServices;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The indirection of the convolution (as in XNNPACK's IGEMM): for every tap of the filter and every output pixel of
/// a block, a pointer to the run of input floats that the tap multiplies. Padding points at a run of zeros, so the
/// register tile knows nothing of height, width, stride or padding.
/// </summary>
/// <remarks>
/// A run is one input pixel's C channels, of which a panel of a grouped convolution reads a part. With few channels it is
/// a whole filter row instead, S·C floats, which lie together in memory; at the left and right border they are copied
/// between zeros. All of it lies in scratch memory of the caller's.
/// </remarks>
internal unsafe ref struct SimdInputTable
{
    /// <summary>Up to this many channels a run is a filter row: shorter runs would be all loop overhead (the stem has 3).</summary>
    private const int MaxChannelsOfRowRuns = 8;

    private readonly Conv2dShape shape;
    private readonly float* input;
    private readonly float* zeros;
    private readonly float* copies;
    private readonly float** table;
    private readonly int maxPixels;

    /// <summary>Makes an empty table.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="input">Its input.</param>
    /// <param name="maxPixels">The most pixels of a block.</param>
    /// <param name="scratch">At least <see cref="ScratchBytes"/>, aligned for pointers; what is in it does not matter.</param>
    public SimdInputTable(in Conv2dShape shape, float* input, int maxPixels, void* scratch)
    {
        this.shape = shape;
        this.input = input;
        this.maxPixels = maxPixels;
        HasRowRuns = UsesRowRuns(shape);
        Taps = TapsOf(shape);
        PixelsPerRun = PixelsPerRunOf(shape);
        table = (float**)scratch;
        zeros = (float*)(table + (nint)Taps * maxPixels);
        copies = zeros + RunLength;
        new Span<float>(zeros, RunLength).Clear();
    }

    /// <summary>Scratch memory of a table: the pointers, a run of zeros and, with row runs, as many copies as there are pointers.</summary>
    public static long ScratchBytes(in Conv2dShape shape, int maxPixels)
    {
        long pointers = (long)TapsOf(shape) * maxPixels;
        long runs = 1 + (UsesRowRuns(shape) ? pointers : 0);
        return pointers * sizeof(float*) + runs * PixelsPerRunOf(shape) * shape.C * sizeof(float);
    }

    /// <summary>Runs per pixel.</summary>
    public readonly int Taps { get; }

    /// <summary>Input pixels in a run.</summary>
    public readonly int PixelsPerRun { get; }

    /// <summary>Pointers <c>[Taps][maxPixels]</c>.</summary>
    public readonly float** Pointers => table;

    private readonly bool HasRowRuns { get; }

    private readonly int RunLength => PixelsPerRun * shape.C;

    /// <summary>Points at the runs of the pixels first, first + 1, ... of the output <c>[N·P·Q]</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Fill(int first, int count)
    {
        int q = first % shape.Q;
        int p = first / shape.Q % shape.P;
        int n = first / shape.Q / shape.P;
        float* copy = copies;
        for (int pixel = 0; pixel < count; pixel++)
        {
            if (HasRowRuns) copy = FillRows(pixel, n, p, q, copy);
            else FillPixels(pixel, n, p, q);
            if (++q < shape.Q) continue;
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

    private readonly float* Address(int n, int h, int w) => input + (((nint)n * shape.H + h) * shape.W + w) * shape.C;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void FillPixels(int pixel, int n, int p, int q)
    {
        float** slot = table + pixel;
        for (int r = 0; r < shape.R; r++)
        {
            int h = p * shape.StrideH - shape.PadH + r * shape.DilationH;
            for (int s = 0; s < shape.S; s++)
            {
                int w = q * shape.StrideW - shape.PadW + s * shape.DilationW;
                bool inside = (uint)h < (uint)shape.H && (uint)w < (uint)shape.W;
                *slot = inside ? Address(n, h, w) : zeros;
                slot += maxPixels;
            }
        }
    }

    /// <summary>Returns where the next copy may go.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly float* FillRows(int pixel, int n, int p, int q, float* copy)
    {
        int w = q * shape.StrideW - shape.PadW;
        int from = Math.Clamp(-w, 0, shape.S);
        int to = Math.Clamp(shape.W - w, from, shape.S);
        for (int r = 0; r < shape.R; r++)
        {
            int h = p * shape.StrideH - shape.PadH + r * shape.DilationH;
            float* run = zeros;
            if ((uint)h < (uint)shape.H && from < to)
            {
                if (to - from == shape.S)
                {
                    run = Address(n, h, w);
                }
                else
                {
                    run = copy;
                    var destination = new Span<float>(copy, RunLength);
                    destination.Clear();
                    new ReadOnlySpan<float>(Address(n, h, w + from), (to - from) * shape.C).CopyTo(destination[(from * shape.C)..]);
                    copy += RunLength;
                }
            }
            table[r * maxPixels + pixel] = run;
        }
        return copy;
    }
}
