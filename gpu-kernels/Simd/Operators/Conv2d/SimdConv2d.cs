using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// Direct convolution on the processor: <c>[N, H, W, C]</c> to <c>[N, P, Q, K]</c> with its epilogue. One group is one thread. The groups
/// share the output pixels and the panels of output channels (<see cref="SimdParts"/>). A group walks its pixels in blocks, for each block
/// all its panels, and for each panel all register tiles of the block, so that a panel is loaded once per block and stays in the caches.
/// </summary>
internal static unsafe class SimdConv2d
{
    /// <summary>Half of a common second-level cache, in floats: the limit of a block's input.</summary>
    private const int HalfCacheFloats = 64 * 1024;

    /// <summary>
    /// Least number of tiles of a block; fewer would load a panel from memory for too little work. 49 pixels are 9 tiles of 6.
    /// </summary>
    private const int MinBlockTiles = 9;

    /// <summary>Largest number of tiles of a block; more would gain nothing and make the table of pointers long.</summary>
    private const int MaxBlockTiles = 16;

    /// <summary>Limit of copied runs, in floats: more than those of one tile.</summary>
    private const int CopyFloats = 4 * HalfCacheFloats;

    /// <summary>Multiply-adds of a part, about 40 microseconds of a core: much more than taking a part costs.</summary>
    private const long PartMacs = 2_400_000;

    /// <summary>Scratch memory of a group in bytes, enough for every split of the work.</summary>
    private static long ScratchBytes(in Conv2dShape shape, int lanes)
    {
        int tileRows = SimdWidth.TileRows(lanes);
        return SimdInputTable.ScratchBytes(shape, Math.Min(MaxTiles(shape, tileRows) * tileRows, shape.GemmM));
    }

    /// <summary>A step for <see cref="IKernelFamily.Conv2d"/> by <see cref="Conv2dAlgorithm.Direct"/>.</summary>
    public static SimdStep Step(int lanes, in Conv2dShape shape, in Operands operands, Epilogue epilogue) => new()
    {
        Kernel = &RunGroup,
        ScratchBytes = ScratchBytes(shape, lanes),
        Lanes = lanes,
        Conv = shape,
        Operands = operands,
        Epilogue = epilogue,
    };

    private static void RunGroup(in SimdStep step, in SimdQueues queues, void* scratch)
    {
        Conv2dShape shape = step.Conv;
        Operands operands = step.Operands;
        SimdPanels panels = SimdPanels.Of(shape, step.Lanes);
        if (panels.InLaneGroups) RunGroup<LaneGroups>(queues, step.Lanes, shape, panels, operands, step.Epilogue, scratch);
        else if (panels.Vectors == 1) RunGroup<OneVector>(queues, step.Lanes, shape, panels, operands, step.Epilogue, scratch);
        else RunGroup<TwoVectors>(queues, step.Lanes, shape, panels, operands, step.Epilogue, scratch);
    }

    private static void RunGroup<TKind>(
        in SimdQueues queues, int lanes, in Conv2dShape shape, in SimdPanels columns, in Operands operands, Epilogue epilogue,
        void* scratch)
        where TKind : struct, ISimdPanelKind
    {
        if (lanes == SimdLanes512.Count)
            Run<TKind, SimdLanes512, Vector512<float>>(queues, shape, columns, operands, epilogue, scratch);
        else if (lanes == SimdLanes256.Count)
            Run<TKind, SimdLanes256, Vector256<float>>(queues, shape, columns, operands, epilogue, scratch);
        else if (lanes == SimdLanes128.Count)
            Run<TKind, SimdLanes128, Vector128<float>>(queues, shape, columns, operands, epilogue, scratch);
        else
            Run<TKind, SimdLanes32, float>(queues, shape, columns, operands, epilogue, scratch);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TKind, TLanes, TVector>(
        in SimdQueues queues, in Conv2dShape shape, in SimdPanels columns, in Operands operands, Epilogue epilogue, void* scratch)
        where TKind : struct, ISimdPanelKind
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        int width = TKind.Vectors * TLanes.Count;
        float* filter = Pointer(operands.Filter);
        float* residual = epilogue.HasResidual != 0 ? Pointer(operands.Residual) : null;
        float* output = Pointer(operands.Output);
        float* sums = stackalloc float[width * TLanes.TileRows];
        float* padded = stackalloc float[2 * width];
        var panels = new SimdPanelEpilogue(shape, operands, epilogue, width, padded);

        SimdSplit split = SimdWork.Direct(shape, columns).Split(queues.Groups);
        int blockPixels = BlockPixels(shape, TLanes.TileRows, split.MostPixels);
        var parts = new SimdParts(split, blockPixels, PanelsPerPart(blockPixels, columns));
        Span<int> counts = stackalloc int[queues.Groups];
        parts.Count(counts);
        var table = new SimdInputTable(shape, Pointer(operands.Input), blockPixels, scratch);
        var tile = new SimdTileArguments
        {
            TableStride = blockPixels,
            Taps = table.Taps,
            RunLength = table.PixelsPerRun * columns.Length,
            Sums = sums,
        };
        if (TKind.InLaneGroups)
        {
            int* lanesOfGroups = stackalloc int[TLanes.Count * columns.Length];
            for (int i = 0; i < TLanes.Count * columns.Length; i++)
                lanesOfGroups[i] = i % TLanes.Count / columns.Length * columns.Length + i / TLanes.Count;
            tile.LanesOfGroups = lanesOfGroups;
        }
        int filled = -1;
        while (queues.Take(counts, out int owner, out int part))
        {
            (int firstPixel, int endPixel, int firstPanel, int endPanel) = parts[owner, part];
            int pixels = endPixel - firstPixel, tiles = IntegerMath.DivideRoundUp(pixels, TLanes.TileRows);
            if (filled != firstPixel) table.Fill(firstPixel, pixels);
            filled = firstPixel;
            for (int panel = firstPanel; panel < endPanel; panel++)
            {
                int channel = panel * width;
                tile.Weights = filter + (nint)columns.GemmK * channel;
                tile.RunStart = columns.First(channel);
                tile.Finish = panels.Of(panel);
                tile.Finish.ChooseWay(width);
                tile.PrefetchNext(tiles, width);
                int pixel = 0;
                for (int i = 1; i <= tiles; i++)
                {
                    int end = (int)((long)pixels * i / tiles);
                    nint offset = (nint)(firstPixel + pixel) * shape.K + channel;
                    tile.Table = table.Pointers + pixel;
                    tile.Finish.Output = output + offset;
                    tile.Finish.Residual = residual is null ? null : residual + offset;
                    SimdTile.Run<TKind, TLanes, TVector>(end - pixel, tile);
                    tile.AdvancePrefetch();
                    if (!tile.Finish.IsInRegisters) tile.Finish.Store<TKind, TLanes, TVector>(sums, end - pixel);
                    pixel = end;
                }
            }
        }
    }

    /// <summary>Address of a view's first element; null for an empty view.</summary>
    internal static float* Pointer(ArrayView<float> view) => view.Length == 0 ? null : (float*)Unsafe.AsPointer(ref view[0]);

    /// <summary>Pixels of a block: whole tiles whose input fits the cache, at most <paramref name="pixels"/>.</summary>
    private static int BlockPixels(in Conv2dShape shape, int tileRows, int pixels)
    {
        long tiles = Math.Clamp(HalfCacheFloats / (SimdInputTable.FloatsPerPixel(shape) * tileRows), MinBlockTiles, MaxBlockTiles);
        return (int)Math.Min(Math.Min(tiles, MaxTiles(shape, tileRows)) * tileRows, pixels);
    }

    /// <summary>Largest number of tiles of a block, for which there is scratch memory.</summary>
    private static int MaxTiles(in Conv2dShape shape, int tileRows) => SimdInputTable.CopiesRuns(shape)
        ? (int)Math.Clamp(CopyFloats / (SimdInputTable.FloatsPerPixel(shape) * tileRows), 1, MaxBlockTiles)
        : MaxBlockTiles;

    private static int PanelsPerPart(int pixels, in SimdPanels columns) =>
        (int)Math.Clamp(PartMacs / ((long)pixels * columns.GemmK * columns.Width), 1, columns.Count);
}
