using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace IlgpuResNet.Kernels;

/// <summary>What one register tile works on: some neighbouring output pixels times one panel of output channels.</summary>
internal unsafe struct SimdTileArguments
{
    /// <summary>Pointers to the input runs of the tile's pixels, <c>[Taps][TableStride]</c>.</summary>
    public float** Table;

    /// <summary>Pointers from one tap to the next.</summary>
    public int TableStride;

    /// <summary>Runs per pixel.</summary>
    public int Taps;

    /// <summary>First float of a run that the panel reads: a grouped convolution's panel reads the channels of its groups.</summary>
    public int RunStart;

    /// <summary>Floats of a run that the panel reads.</summary>
    public int RunLength;

    /// <summary>The packed panel <c>[Taps * RunLength][2 vectors]</c>.</summary>
    public float* Weights;

    /// <summary>Receives the sums, <c>[rows][2 vectors]</c>, when <see cref="Finish"/> does not.</summary>
    public float* Sums;

    /// <summary>Takes the sums from the registers and stores the output, where <see cref="SimdEpilogue.IsInRegisters"/>.</summary>
    public SimdEpilogue Finish;

    /// <summary>What the second-level cache is told to fetch meanwhile, from here on; need not be memory of ours.</summary>
    public byte* Prefetch;

    /// <summary>Bytes to prefetch per float of a run; 0 for none.</summary>
    public int PrefetchStep;

    /// <summary>
    /// Spreads the prefetch of the weights that follow over the tiles that share these: each reads them from the first-level
    /// cache, but the first would otherwise wait for memory. Not worth it where there is one tile alone.
    /// </summary>
    public void PrefetchNext(int tiles, int width)
    {
        PrefetchStep = tiles > 1 ? SimdSplit.DivideRoundUp(width * sizeof(float), tiles) : 0;
        Prefetch = (byte*)(Weights + (tiles > 1 ? (nint)Taps * RunLength * width : 0));
    }

    /// <summary>On to the next of these tiles.</summary>
    public void AdvancePrefetch() => Prefetch += (nint)Taps * RunLength * PrefetchStep;
}

/// <summary>
/// The innermost loops of the convolution: sums of products for a tile of pixels x 2 vectors of output channels, all
/// of them in registers. Per input element: two vectors of weights are loaded, one float of every pixel is
/// broadcast, and each pixel takes two multiply-adds. Every sum is one chain in the order of the panel, so its bits
/// depend neither on the tile's height nor on its place.
/// </summary>
internal static unsafe class SimdTile
{
    /// <summary>Computes a tile of the given height, 1 to 14.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<TLanes, TVector>(int rows, in SimdTileArguments arguments)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        switch (rows)
        {
            case 1: Run<TLanes, TVector, Rows1>(arguments); break;
            case 2: Run<TLanes, TVector, Rows2>(arguments); break;
            case 3: Run<TLanes, TVector, Rows3>(arguments); break;
            case 4: Run<TLanes, TVector, Rows4>(arguments); break;
            case 5: Run<TLanes, TVector, Rows5>(arguments); break;
            case 6: Run<TLanes, TVector, Rows6>(arguments); break;
            case 7: Run<TLanes, TVector, Rows7>(arguments); break;
            case 8: Run<TLanes, TVector, Rows8>(arguments); break;
            case 9: Run<TLanes, TVector, Rows9>(arguments); break;
            case 10: Run<TLanes, TVector, Rows10>(arguments); break;
            case 11: Run<TLanes, TVector, Rows11>(arguments); break;
            case 12: Run<TLanes, TVector, Rows12>(arguments); break;
            case 13: Run<TLanes, TVector, Rows13>(arguments); break;
            case 14: Run<TLanes, TVector, Rows14>(arguments); break;
            default: throw new ArgumentOutOfRangeException(nameof(rows));
        }
    }

    // Straight to optimised code: the tiers below it would spend a network's first second on spilled registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Run<TLanes, TVector, TRows>(in SimdTileArguments arguments)
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
        if (arguments.Finish.IsInRegisters) arguments.Finish.PrefetchOutput<TLanes, TVector>(TRows.Count);
        for (int tap = arguments.Taps; tap > 0; tap--)
        {
            // Rows past the tile's height repeat its first pointer and are never read through.
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
            for (nint c = start; c < end; c++)
            {
                TVector w0 = TLanes.Load(weights);
                TVector w1 = TLanes.Load(weights + TLanes.Count);
                weights += 2 * TLanes.Count;
                if (Sse.IsSupported) Sse.Prefetch1(prefetch);
                prefetch += prefetchStep;
                if (TRows.Count > 0) { TVector v = TLanes.Broadcast(x0[c]); a0 = TLanes.MultiplyAdd(v, w0, a0); b0 = TLanes.MultiplyAdd(v, w1, b0); }
                if (TRows.Count > 1) { TVector v = TLanes.Broadcast(x1[c]); a1 = TLanes.MultiplyAdd(v, w0, a1); b1 = TLanes.MultiplyAdd(v, w1, b1); }
                if (TRows.Count > 2) { TVector v = TLanes.Broadcast(x2[c]); a2 = TLanes.MultiplyAdd(v, w0, a2); b2 = TLanes.MultiplyAdd(v, w1, b2); }
                if (TRows.Count > 3) { TVector v = TLanes.Broadcast(x3[c]); a3 = TLanes.MultiplyAdd(v, w0, a3); b3 = TLanes.MultiplyAdd(v, w1, b3); }
                if (TRows.Count > 4) { TVector v = TLanes.Broadcast(x4[c]); a4 = TLanes.MultiplyAdd(v, w0, a4); b4 = TLanes.MultiplyAdd(v, w1, b4); }
                if (TRows.Count > 5) { TVector v = TLanes.Broadcast(x5[c]); a5 = TLanes.MultiplyAdd(v, w0, a5); b5 = TLanes.MultiplyAdd(v, w1, b5); }
                if (TRows.Count > 6) { TVector v = TLanes.Broadcast(x6[c]); a6 = TLanes.MultiplyAdd(v, w0, a6); b6 = TLanes.MultiplyAdd(v, w1, b6); }
                if (TRows.Count > 7) { TVector v = TLanes.Broadcast(x7[c]); a7 = TLanes.MultiplyAdd(v, w0, a7); b7 = TLanes.MultiplyAdd(v, w1, b7); }
                if (TRows.Count > 8) { TVector v = TLanes.Broadcast(x8[c]); a8 = TLanes.MultiplyAdd(v, w0, a8); b8 = TLanes.MultiplyAdd(v, w1, b8); }
                if (TRows.Count > 9) { TVector v = TLanes.Broadcast(x9[c]); a9 = TLanes.MultiplyAdd(v, w0, a9); b9 = TLanes.MultiplyAdd(v, w1, b9); }
                if (TRows.Count > 10) { TVector v = TLanes.Broadcast(x10[c]); a10 = TLanes.MultiplyAdd(v, w0, a10); b10 = TLanes.MultiplyAdd(v, w1, b10); }
                if (TRows.Count > 11) { TVector v = TLanes.Broadcast(x11[c]); a11 = TLanes.MultiplyAdd(v, w0, a11); b11 = TLanes.MultiplyAdd(v, w1, b11); }
                if (TRows.Count > 12) { TVector v = TLanes.Broadcast(x12[c]); a12 = TLanes.MultiplyAdd(v, w0, a12); b12 = TLanes.MultiplyAdd(v, w1, b12); }
                if (TRows.Count > 13) { TVector v = TLanes.Broadcast(x13[c]); a13 = TLanes.MultiplyAdd(v, w0, a13); b13 = TLanes.MultiplyAdd(v, w1, b13); }
            }
        }

        if (arguments.Finish.IsInRegisters)
        {
            ref readonly SimdEpilogue finish = ref arguments.Finish;
            if (TRows.Count > 0) finish.Store<TLanes, TVector>(a0, b0, 0);
            if (TRows.Count > 1) finish.Store<TLanes, TVector>(a1, b1, 1);
            if (TRows.Count > 2) finish.Store<TLanes, TVector>(a2, b2, 2);
            if (TRows.Count > 3) finish.Store<TLanes, TVector>(a3, b3, 3);
            if (TRows.Count > 4) finish.Store<TLanes, TVector>(a4, b4, 4);
            if (TRows.Count > 5) finish.Store<TLanes, TVector>(a5, b5, 5);
            if (TRows.Count > 6) finish.Store<TLanes, TVector>(a6, b6, 6);
            if (TRows.Count > 7) finish.Store<TLanes, TVector>(a7, b7, 7);
            if (TRows.Count > 8) finish.Store<TLanes, TVector>(a8, b8, 8);
            if (TRows.Count > 9) finish.Store<TLanes, TVector>(a9, b9, 9);
            if (TRows.Count > 10) finish.Store<TLanes, TVector>(a10, b10, 10);
            if (TRows.Count > 11) finish.Store<TLanes, TVector>(a11, b11, 11);
            if (TRows.Count > 12) finish.Store<TLanes, TVector>(a12, b12, 12);
            if (TRows.Count > 13) finish.Store<TLanes, TVector>(a13, b13, 13);
            return;
        }
        float* sums = arguments.Sums;
        if (TRows.Count > 0) StoreRow<TLanes, TVector>(a0, b0, sums + 0 * 2 * TLanes.Count);
        if (TRows.Count > 1) StoreRow<TLanes, TVector>(a1, b1, sums + 1 * 2 * TLanes.Count);
        if (TRows.Count > 2) StoreRow<TLanes, TVector>(a2, b2, sums + 2 * 2 * TLanes.Count);
        if (TRows.Count > 3) StoreRow<TLanes, TVector>(a3, b3, sums + 3 * 2 * TLanes.Count);
        if (TRows.Count > 4) StoreRow<TLanes, TVector>(a4, b4, sums + 4 * 2 * TLanes.Count);
        if (TRows.Count > 5) StoreRow<TLanes, TVector>(a5, b5, sums + 5 * 2 * TLanes.Count);
        if (TRows.Count > 6) StoreRow<TLanes, TVector>(a6, b6, sums + 6 * 2 * TLanes.Count);
        if (TRows.Count > 7) StoreRow<TLanes, TVector>(a7, b7, sums + 7 * 2 * TLanes.Count);
        if (TRows.Count > 8) StoreRow<TLanes, TVector>(a8, b8, sums + 8 * 2 * TLanes.Count);
        if (TRows.Count > 9) StoreRow<TLanes, TVector>(a9, b9, sums + 9 * 2 * TLanes.Count);
        if (TRows.Count > 10) StoreRow<TLanes, TVector>(a10, b10, sums + 10 * 2 * TLanes.Count);
        if (TRows.Count > 11) StoreRow<TLanes, TVector>(a11, b11, sums + 11 * 2 * TLanes.Count);
        if (TRows.Count > 12) StoreRow<TLanes, TVector>(a12, b12, sums + 12 * 2 * TLanes.Count);
        if (TRows.Count > 13) StoreRow<TLanes, TVector>(a13, b13, sums + 13 * 2 * TLanes.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow<TLanes, TVector>(TVector a, TVector b, float* destination)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TLanes.Store(a, destination);
        TLanes.Store(b, destination + TLanes.Count);
    }
}
