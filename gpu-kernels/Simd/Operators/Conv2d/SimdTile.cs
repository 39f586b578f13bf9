using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// The arguments of one register tile: some neighbouring output pixels times one panel of output channels, 1 or 2 vectors.
/// </summary>
internal unsafe struct SimdTileArguments
{
    /// <summary>Pointers to the input runs of the tile's pixels, <c>[Taps][TableStride]</c>.</summary>
    public float** Table;

    /// <summary>Pointers from one tap to the next.</summary>
    public int TableStride;

    /// <summary>Runs per pixel.</summary>
    public int Taps;

    /// <summary>First float of a run that the panel reads; the panel of a grouped convolution reads the channels of its groups.</summary>
    public int RunStart;

    /// <summary>Floats of a run that the panel reads.</summary>
    public int RunLength;

    /// <summary>The packed panel <c>[Taps * RunLength][vectors]</c>.</summary>
    public float* Weights;

    /// <summary>Receives the sums, <c>[rows][vectors]</c>, where <see cref="SimdEpilogue.IsInRegisters"/> is false.</summary>
    public float* Sums;

    /// <summary>The epilogue that the tile applies to its sums, where <see cref="SimdEpilogue.IsInRegisters"/> is true.</summary>
    public SimdEpilogue Finish;

    /// <summary>For a panel of whole groups: the input channel of each lane in each step of a run, <c>[RunLength][vector]</c>.</summary>
    public int* LanesOfGroups;

    /// <summary>Address from which memory is prefetched to the second-level cache; it need not be valid memory.</summary>
    public byte* Prefetch;

    /// <summary>Bytes to prefetch per float of a run; 0 for none.</summary>
    public int PrefetchStep;

    /// <summary>
    /// Spreads the prefetch of the next panel's weights over the tiles that share this panel. All tiles but the first read the weights from
    /// the first-level cache; the first would wait for memory without the prefetch. With only one tile it would not pay.
    /// </summary>
    public void PrefetchNext(int tiles, int width)
    {
        PrefetchStep = tiles > 1 ? IntegerMath.DivideRoundUp(width * sizeof(float), tiles) : 0;
        Prefetch = (byte*)(Weights + (tiles > 1 ? (nint)Taps * RunLength * width : 0));
    }

    /// <summary>Advances to the next of these tiles.</summary>
    public void AdvancePrefetch() => Prefetch += (nint)Taps * RunLength * PrefetchStep;
}

/// <summary>
/// The innermost loops of the convolution: sums of products for a tile of pixels x 1 or 2 vectors of output channels, all in registers. For
/// each input element the vectors of weights are loaded, one float of every pixel is broadcast, and each pixel takes one multiply-add per
/// vector. Every sum is one chain in the order of the panel, so that its bits depend neither on the tile's height nor on its place. Where a
/// vector holds several groups, a float of each group is broadcast to the lanes of that group.
/// </summary>
internal static unsafe class SimdTile
{
    /// <summary>Computes a tile of the given height, 1 to 14.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<TKind, TLanes, TVector>(int rows, in SimdTileArguments arguments)
        where TKind : struct, ISimdPanelKind
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        switch (rows)
        {
            case 1: Run<TKind, TLanes, TVector, Rows1>(arguments); break;
            case 2: Run<TKind, TLanes, TVector, Rows2>(arguments); break;
            case 3: Run<TKind, TLanes, TVector, Rows3>(arguments); break;
            case 4: Run<TKind, TLanes, TVector, Rows4>(arguments); break;
            case 5: Run<TKind, TLanes, TVector, Rows5>(arguments); break;
            case 6: Run<TKind, TLanes, TVector, Rows6>(arguments); break;
            case 7: Run<TKind, TLanes, TVector, Rows7>(arguments); break;
            case 8: Run<TKind, TLanes, TVector, Rows8>(arguments); break;
            case 9: Run<TKind, TLanes, TVector, Rows9>(arguments); break;
            case 10: Run<TKind, TLanes, TVector, Rows10>(arguments); break;
            case 11: Run<TKind, TLanes, TVector, Rows11>(arguments); break;
            case 12: Run<TKind, TLanes, TVector, Rows12>(arguments); break;
            case 13: Run<TKind, TLanes, TVector, Rows13>(arguments); break;
            case 14: Run<TKind, TLanes, TVector, Rows14>(arguments); break;
            default: throw new ArgumentOutOfRangeException(nameof(rows));
        }
    }

    // Compiled to optimised code at once: unoptimised code spills its registers, and a network's first second would be spent in it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Run<TKind, TLanes, TVector, TRows>(in SimdTileArguments arguments)
        where TKind : struct, ISimdPanelKind
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
        where TRows : struct, ISimdRows
    {
        TVector zero = TLanes.Broadcast(0);
        TVector a0 = zero, b0 = zero;
        TVector a1 = zero, b1 = zero;
        TVector a2 = zero, b2 = zero;
        TVector a3 = zero, b3 = zero;
        TVector a4 = zero, b4 = zero;
        TVector a5 = zero, b5 = zero;
        TVector a6 = zero, b6 = zero;
        TVector a7 = zero, b7 = zero;
        TVector a8 = zero, b8 = zero;
        TVector a9 = zero, b9 = zero;
        TVector a10 = zero, b10 = zero;
        TVector a11 = zero, b11 = zero;
        TVector a12 = zero, b12 = zero;
        TVector a13 = zero, b13 = zero;
        float** table = arguments.Table;
        float* weights = arguments.Weights;
        nint start = arguments.RunStart;
        nint end = start + arguments.RunLength;
        byte* prefetch = arguments.Prefetch;
        nint prefetchStep = arguments.PrefetchStep;
        if (arguments.Finish.IsInRegisters) arguments.Finish.PrefetchOutput<TKind, TLanes, TVector>(TRows.Count);
        for (int tap = arguments.Taps; tap > 0; tap--)
        {
            // Rows past the tile's height repeat the first pointer and are never read.
            float* x0 = table[0];
            float* x1 = TRows.Count > 1 ? table[1] : x0;
            float* x2 = TRows.Count > 2 ? table[2] : x0;
            float* x3 = TRows.Count > 3 ? table[3] : x0;
            float* x4 = TRows.Count > 4 ? table[4] : x0;
            float* x5 = TRows.Count > 5 ? table[5] : x0;
            float* x6 = TRows.Count > 6 ? table[6] : x0;
            float* x7 = TRows.Count > 7 ? table[7] : x0;
            float* x8 = TRows.Count > 8 ? table[8] : x0;
            float* x9 = TRows.Count > 9 ? table[9] : x0;
            float* x10 = TRows.Count > 10 ? table[10] : x0;
            float* x11 = TRows.Count > 11 ? table[11] : x0;
            float* x12 = TRows.Count > 12 ? table[12] : x0;
            float* x13 = TRows.Count > 13 ? table[13] : x0;
            table += arguments.TableStride;
            int* lanes = arguments.LanesOfGroups;
            for (nint c = start; c < end; c++)
            {
                TVector w0 = TLanes.Load(weights);
                TVector w1 = TKind.Vectors > 1 ? TLanes.Load(weights + TLanes.Count) : w0;
                weights += TKind.Vectors * TLanes.Count;
                if (Sse.IsSupported) Sse.Prefetch1(prefetch);
                prefetch += prefetchStep;
                if (TRows.Count > 0)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x0, c, start, lanes);
                    a0 = TLanes.MultiplyAdd(v, w0, a0);
                    if (TKind.Vectors > 1) b0 = TLanes.MultiplyAdd(v, w1, b0);
                }
                if (TRows.Count > 1)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x1, c, start, lanes);
                    a1 = TLanes.MultiplyAdd(v, w0, a1);
                    if (TKind.Vectors > 1) b1 = TLanes.MultiplyAdd(v, w1, b1);
                }
                if (TRows.Count > 2)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x2, c, start, lanes);
                    a2 = TLanes.MultiplyAdd(v, w0, a2);
                    if (TKind.Vectors > 1) b2 = TLanes.MultiplyAdd(v, w1, b2);
                }
                if (TRows.Count > 3)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x3, c, start, lanes);
                    a3 = TLanes.MultiplyAdd(v, w0, a3);
                    if (TKind.Vectors > 1) b3 = TLanes.MultiplyAdd(v, w1, b3);
                }
                if (TRows.Count > 4)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x4, c, start, lanes);
                    a4 = TLanes.MultiplyAdd(v, w0, a4);
                    if (TKind.Vectors > 1) b4 = TLanes.MultiplyAdd(v, w1, b4);
                }
                if (TRows.Count > 5)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x5, c, start, lanes);
                    a5 = TLanes.MultiplyAdd(v, w0, a5);
                    if (TKind.Vectors > 1) b5 = TLanes.MultiplyAdd(v, w1, b5);
                }
                if (TRows.Count > 6)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x6, c, start, lanes);
                    a6 = TLanes.MultiplyAdd(v, w0, a6);
                    if (TKind.Vectors > 1) b6 = TLanes.MultiplyAdd(v, w1, b6);
                }
                if (TRows.Count > 7)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x7, c, start, lanes);
                    a7 = TLanes.MultiplyAdd(v, w0, a7);
                    if (TKind.Vectors > 1) b7 = TLanes.MultiplyAdd(v, w1, b7);
                }
                if (TRows.Count > 8)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x8, c, start, lanes);
                    a8 = TLanes.MultiplyAdd(v, w0, a8);
                    if (TKind.Vectors > 1) b8 = TLanes.MultiplyAdd(v, w1, b8);
                }
                if (TRows.Count > 9)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x9, c, start, lanes);
                    a9 = TLanes.MultiplyAdd(v, w0, a9);
                    if (TKind.Vectors > 1) b9 = TLanes.MultiplyAdd(v, w1, b9);
                }
                if (TRows.Count > 10)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x10, c, start, lanes);
                    a10 = TLanes.MultiplyAdd(v, w0, a10);
                    if (TKind.Vectors > 1) b10 = TLanes.MultiplyAdd(v, w1, b10);
                }
                if (TRows.Count > 11)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x11, c, start, lanes);
                    a11 = TLanes.MultiplyAdd(v, w0, a11);
                    if (TKind.Vectors > 1) b11 = TLanes.MultiplyAdd(v, w1, b11);
                }
                if (TRows.Count > 12)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x12, c, start, lanes);
                    a12 = TLanes.MultiplyAdd(v, w0, a12);
                    if (TKind.Vectors > 1) b12 = TLanes.MultiplyAdd(v, w1, b12);
                }
                if (TRows.Count > 13)
                {
                    TVector v = Input<TKind, TLanes, TVector>(x13, c, start, lanes);
                    a13 = TLanes.MultiplyAdd(v, w0, a13);
                    if (TKind.Vectors > 1) b13 = TLanes.MultiplyAdd(v, w1, b13);
                }
                lanes += TLanes.Count;
            }
        }

        if (arguments.Finish.IsInRegisters)
        {
            // In variables, because fields would be read again after every store, which might have changed them.
            float* scale = arguments.Finish.Scale, shift = arguments.Finish.Shift;
            float* residual = arguments.Finish.Residual, output = arguments.Finish.Output;
            nint stride = arguments.Finish.RowStride;
            bool relu = arguments.Finish.Flags.Relu != 0;
            if (TRows.Count > 0) FinishRow<TKind, TLanes, TVector>(a0, b0, scale, shift, residual, output, 0 * stride, relu);
            if (TRows.Count > 1) FinishRow<TKind, TLanes, TVector>(a1, b1, scale, shift, residual, output, 1 * stride, relu);
            if (TRows.Count > 2) FinishRow<TKind, TLanes, TVector>(a2, b2, scale, shift, residual, output, 2 * stride, relu);
            if (TRows.Count > 3) FinishRow<TKind, TLanes, TVector>(a3, b3, scale, shift, residual, output, 3 * stride, relu);
            if (TRows.Count > 4) FinishRow<TKind, TLanes, TVector>(a4, b4, scale, shift, residual, output, 4 * stride, relu);
            if (TRows.Count > 5) FinishRow<TKind, TLanes, TVector>(a5, b5, scale, shift, residual, output, 5 * stride, relu);
            if (TRows.Count > 6) FinishRow<TKind, TLanes, TVector>(a6, b6, scale, shift, residual, output, 6 * stride, relu);
            if (TRows.Count > 7) FinishRow<TKind, TLanes, TVector>(a7, b7, scale, shift, residual, output, 7 * stride, relu);
            if (TRows.Count > 8) FinishRow<TKind, TLanes, TVector>(a8, b8, scale, shift, residual, output, 8 * stride, relu);
            if (TRows.Count > 9) FinishRow<TKind, TLanes, TVector>(a9, b9, scale, shift, residual, output, 9 * stride, relu);
            if (TRows.Count > 10) FinishRow<TKind, TLanes, TVector>(a10, b10, scale, shift, residual, output, 10 * stride, relu);
            if (TRows.Count > 11) FinishRow<TKind, TLanes, TVector>(a11, b11, scale, shift, residual, output, 11 * stride, relu);
            if (TRows.Count > 12) FinishRow<TKind, TLanes, TVector>(a12, b12, scale, shift, residual, output, 12 * stride, relu);
            if (TRows.Count > 13) FinishRow<TKind, TLanes, TVector>(a13, b13, scale, shift, residual, output, 13 * stride, relu);
            return;
        }
        float* sums = arguments.Sums;
        if (TRows.Count > 0) StoreRow<TKind, TLanes, TVector>(a0, b0, sums + 0 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 1) StoreRow<TKind, TLanes, TVector>(a1, b1, sums + 1 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 2) StoreRow<TKind, TLanes, TVector>(a2, b2, sums + 2 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 3) StoreRow<TKind, TLanes, TVector>(a3, b3, sums + 3 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 4) StoreRow<TKind, TLanes, TVector>(a4, b4, sums + 4 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 5) StoreRow<TKind, TLanes, TVector>(a5, b5, sums + 5 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 6) StoreRow<TKind, TLanes, TVector>(a6, b6, sums + 6 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 7) StoreRow<TKind, TLanes, TVector>(a7, b7, sums + 7 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 8) StoreRow<TKind, TLanes, TVector>(a8, b8, sums + 8 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 9) StoreRow<TKind, TLanes, TVector>(a9, b9, sums + 9 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 10) StoreRow<TKind, TLanes, TVector>(a10, b10, sums + 10 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 11) StoreRow<TKind, TLanes, TVector>(a11, b11, sums + 11 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 12) StoreRow<TKind, TLanes, TVector>(a12, b12, sums + 12 * TKind.Vectors * TLanes.Count);
        if (TRows.Count > 13) StoreRow<TKind, TLanes, TVector>(a13, b13, sums + 13 * TKind.Vectors * TLanes.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FinishRow<TKind, TLanes, TVector>(
        TVector a, TVector b, float* scale, float* shift, float* residual, float* output, nint offset, bool relu)
        where TKind : struct, ISimdPanelKind
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        a = TLanes.MultiplyAdd(a, TLanes.Load(scale), TLanes.Load(shift));
        if (TKind.Vectors > 1) b = TLanes.MultiplyAdd(b, TLanes.Load(scale + TLanes.Count), TLanes.Load(shift + TLanes.Count));
        if (residual is not null)
        {
            a = TLanes.Add(a, TLanes.Load(residual + offset));
            if (TKind.Vectors > 1) b = TLanes.Add(b, TLanes.Load(residual + offset + TLanes.Count));
        }
        if (relu)
        {
            a = TLanes.Relu(a);
            if (TKind.Vectors > 1) b = TLanes.Relu(b);
        }
        StoreRow<TKind, TLanes, TVector>(a, b, output + offset);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Input<TKind, TLanes, TVector>(float* run, nint c, nint start, int* lanes)
        where TKind : struct, ISimdPanelKind
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        TKind.InLaneGroups ? TLanes.LoadLanes(run + start, lanes) : TLanes.Broadcast(run[c]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow<TKind, TLanes, TVector>(TVector a, TVector b, float* destination)
        where TKind : struct, ISimdPanelKind
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TLanes.Store(a, destination);
        if (TKind.Vectors > 1) TLanes.Store(b, destination + TLanes.Count);
    }
}
