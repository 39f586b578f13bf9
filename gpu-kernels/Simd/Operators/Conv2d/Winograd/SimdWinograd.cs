using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// 3x3 convolution of stride 1 or 2 on the processor by Winograd's F(m x m, 3x3) (<see cref="Conv2dAlgorithm"/>): <c>[N, H, W, C]</c> to
/// <c>[N, P, Q, K]</c> with its epilogue. One group is one thread. The groups share the tiles of m x m output pixels and the panels of
/// output channels; where they share panels, each transforms the input for itself, so that no barrier is needed. A group takes its tiles in
/// blocks: it transforms a block's input to <c>[elements][tiles][C]</c>, and then, panel by panel, computes the matrix products of the
/// elements with the filter's panel (one element each, or with stride 2 several together) and transforms the sums to outputs while they are
/// in the caches.
/// </summary>
internal static unsafe class SimdWinograd
{
    /// <summary>Least number of tiles of a block, whose transformed input stays in the second-level cache.</summary>
    private const int BlockTiles = 24;

    /// <summary>
    /// Least number of tiles of a block where the filter is so large that every block loads it from the shared cache or memory.
    /// </summary>
    private const int LargeFilterTiles = 48;

    /// <summary>Floats above which a filter does not fit a second-level cache.</summary>
    private const int LargeFilterFloats = 1 << 20;

    /// <summary>
    /// True when the algorithm can compute a convolution: the channels fill whole vectors, as those of every ResNet of full width do, and
    /// the packed filter is not too long.
    /// </summary>
    public static bool Fits(in Conv2dShape shape, Conv2dAlgorithm algorithm, int lanes) =>
        WinogradFilter.Fits(shape, algorithm) && shape.C % lanes == 0 && WinogradPanels.Length(shape, algorithm, 2 * lanes) <= int.MaxValue;

    /// <summary>Scratch memory of a group in bytes, enough for every split of the work.</summary>
    private static long ScratchBytes(in Conv2dShape shape, Conv2dAlgorithm algorithm, int lanes)
    {
        int tileRows = SimdWidth.TileRows(lanes);
        int tiles = Math.Min(MaxRegisterTiles(shape, algorithm, tileRows) * tileRows, WinogradFilter.Tiles(shape, algorithm));
        return SimdWinogradScratch.Bytes(shape, algorithm, lanes, tiles);
    }

    /// <summary>A step for <see cref="IKernelFamily.Conv2d"/> by one of Winograd's algorithms.</summary>
    public static SimdStep Step(
        int lanes, Conv2dAlgorithm algorithm, in Conv2dShape shape, in Operands operands, Epilogue epilogue) => new()
        {
            Kernel = &RunGroup,
            ScratchBytes = ScratchBytes(shape, algorithm, lanes),
            Lanes = lanes,
            Algorithm = algorithm,
            Conv = shape,
            Operands = operands,
            Epilogue = epilogue,
        };

    private static void RunGroup(in SimdStep step, in SimdQueues queues, void* scratch)
    {
        int lanes = step.Lanes;
        Conv2dAlgorithm algorithm = step.Algorithm;
        Conv2dShape shape = step.Conv;
        Operands operands = step.Operands;
        Epilogue epilogue = step.Epilogue;
        SimdSplit split = SimdWork.Winograd(shape, algorithm, 2 * lanes).Split(queues.Groups);
        if (algorithm is Conv2dAlgorithm.WinogradF2)
            RunGroup<SimdWinogradF2>(queues, split, lanes, shape, operands, epilogue, scratch);
        else if (algorithm is Conv2dAlgorithm.WinogradF4)
            RunGroup<SimdWinogradF4>(queues, split, lanes, shape, operands, epilogue, scratch);
        else
            RunGroup<SimdWinogradStride2>(queues, split, lanes, shape, operands, epilogue, scratch);
    }

    private static void RunGroup<TTransform>(
        in SimdQueues queues, in SimdSplit split, int lanes, in Conv2dShape shape, in Operands operands, Epilogue epilogue, void* scratch)
        where TTransform : struct, ISimdWinogradTransform
    {
        if (lanes == SimdLanes512.Count)
            Run<TTransform, SimdLanes512, Vector512<float>>(queues, split, shape, operands, epilogue, scratch);
        else if (lanes == SimdLanes256.Count)
            Run<TTransform, SimdLanes256, Vector256<float>>(queues, split, shape, operands, epilogue, scratch);
        else if (lanes == SimdLanes128.Count)
            Run<TTransform, SimdLanes128, Vector128<float>>(queues, split, shape, operands, epilogue, scratch);
        else
            Run<TTransform, SimdLanes32, float>(queues, split, shape, operands, epilogue, scratch);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TTransform, TLanes, TVector>(
        in SimdQueues queues, in SimdSplit split, in Conv2dShape shape, in Operands operands, Epilogue epilogue, void* memory)
        where TTransform : struct, ISimdWinogradTransform
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        int width = 2 * TLanes.Count;
        ReadOnlySpan<int> terms = WinogradFilter.Terms(TTransform.Algorithm);
        int elements = TTransform.Side * TTransform.Side;

        float* input = SimdConv2d.Pointer(operands.Input), filter = SimdConv2d.Pointer(operands.Filter);
        float* output = SimdConv2d.Pointer(operands.Output);
        float* residual = epilogue.HasResidual != 0 ? SimdConv2d.Pointer(operands.Residual) : null;
        float* padded = stackalloc float[2 * width];
        var panels = new SimdPanelEpilogue(shape, operands, epilogue, width, padded);

        int blockTiles = TilesPerBlock(split.MostPixels, TLanes.TileRows, MaxRegisterTiles(shape, TTransform.Algorithm, TLanes.TileRows));
        // Every group that takes a part of a block transforms the block's input. So a part is a whole block where each group has its own
        // tiles.
        var parts = new SimdParts(split, blockTiles, split.PixelGroups > 1 ? split.PanelCount : 1);
        Span<int> counts = stackalloc int[queues.Groups];
        parts.Count(counts);
        var scratch = new SimdWinogradScratch(shape, TTransform.Algorithm, TLanes.Count, blockTiles, memory);
        new Span<float>(scratch.Zeros, shape.C).Clear();
        PointAtElements(TTransform.Algorithm, scratch);
        var product = new SimdTileArguments { TableStride = scratch.RowStride, RunLength = shape.C };
        int transformed = -1;
        while (queues.Take(counts, out int owner, out int part))
        {
            (int block, int endTile, int firstPanel, int endPanel) = parts[owner, part];
            int tiles = endTile - block;
            for (int i = 0; i < tiles && transformed != block; i++)
                TransformInput<TTransform, TLanes, TVector>(
                    shape, input, block + i, scratch, scratch.Input + (nint)i * scratch.TileStride);
            transformed = block;

            int registerTiles = IntegerMath.DivideRoundUp(tiles, TLanes.TileRows);
            for (int panel = firstPanel; panel < endPanel; panel++)
            {
                product.Weights = filter + (nint)panel * elements * shape.C * width;
                float* sums = scratch.Sums;
                float** rows = scratch.Rows;
                for (int i = 0; i < terms.Length * terms.Length; i++)
                {
                    product.Taps = terms[i / terms.Length] * terms[i % terms.Length];
                    product.PrefetchNext(registerTiles, width);
                    int row = 0;
                    for (int j = 1; j <= registerTiles; j++)
                    {
                        int end = tiles * j / registerTiles;
                        product.Table = rows + row;
                        product.Sums = sums + row * width;
                        SimdTile.Run<TwoVectors, TLanes, TVector>(end - row, product);
                        product.AdvancePrefetch();
                        row = end;
                    }
                    product.Weights += (nint)product.Taps * shape.C * width;
                    rows += product.Taps * scratch.RowStride;
                    sums += scratch.SumStride;
                }
                SimdEpilogue finish = panels.Of(panel);
                finish.ChooseWay(width);
                for (int i = 0; i < tiles; i++)
                    TransformOutput<TTransform, TLanes, TVector>(
                        shape, block + i, scratch, i, panel * width, output, residual, finish);
            }
        }
    }

    /// <summary>
    /// Number of tiles of a block: a group's tiles are divided into blocks of nearly equal size, of whole register tiles where there are
    /// several blocks.
    /// </summary>
    private static int TilesPerBlock(int tiles, int tileRows, int maxRegisterTiles)
    {
        int blocks = IntegerMath.DivideRoundUp(tiles, maxRegisterTiles * tileRows);
        int even = IntegerMath.DivideRoundUp(tiles, blocks);
        return blocks == 1 ? even : IntegerMath.DivideRoundUp(even, tileRows) * tileRows;
    }

    private static int MaxRegisterTiles(in Conv2dShape shape, Conv2dAlgorithm algorithm, int tileRows)
    {
        int tiles = (long)WinogradFilter.Elements(algorithm) * shape.C * shape.K > LargeFilterFloats ? LargeFilterTiles : BlockTiles;
        return IntegerMath.DivideRoundUp(tiles, tileRows);
    }

    /// <summary>Fills <see cref="SimdWinogradScratch.Rows"/>.</summary>
    private static void PointAtElements(Conv2dAlgorithm algorithm, in SimdWinogradScratch scratch)
    {
        Span<int> order = stackalloc int[WinogradFilter.Elements(algorithm)];
        WinogradFilter.Order(algorithm, order);
        float** row = scratch.Rows;
        foreach (int element in order)
        {
            float* tile = scratch.Input + (nint)element * scratch.ElementStride;
            for (int i = 0; i < scratch.RowStride; i++, tile += scratch.TileStride) *row++ = tile;
        }
    }

    /// <summary>Computes Bᵀ d B for all channels of one tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransformInput<TTransform, TLanes, TVector>(
        in Conv2dShape shape, float* input, int tile, in SimdWinogradScratch scratch, float* destination)
        where TTransform : struct, ISimdWinogradTransform
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        int side = TTransform.Side;
        (int n, int p, int q) = Place(shape, tile, TTransform.Outputs);
        float** pixels = scratch.Pixels;
        for (int i = 0; i < side; i++)
        {
            int h = p * shape.StrideH - shape.PadH + i;
            for (int j = 0; j < side; j++)
            {
                int w = q * shape.StrideW - shape.PadW + j;
                bool inside = (uint)h < (uint)shape.H && (uint)w < (uint)shape.W;
                pixels[i * side + j] = inside ? input + (((nint)n * shape.H + h) * shape.W + w) * shape.C : scratch.Zeros;
            }
        }
        nint stride = scratch.ElementStride;
        for (int c = 0; c < shape.C; c += TLanes.Count) TTransform.Input<TLanes, TVector>(pixels, c, destination + c, stride);
    }

    /// <summary>Computes Aᵀ m A and the epilogue for one tile and one panel of output channels, and stores the pixels that exist.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransformOutput<TTransform, TLanes, TVector>(
        in Conv2dShape shape, int tile, in SimdWinogradScratch scratch, int row, int channel, float* output, float* residual,
        SimdEpilogue finish)
        where TTransform : struct, ISimdWinogradTransform
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        int width = 2 * TLanes.Count;
        (int n, int p, int q) = Place(shape, tile, TTransform.Outputs);
        int rows = Math.Min(TTransform.Outputs, shape.P - p), columns = Math.Min(TTransform.Outputs, shape.Q - q);
        nint offset = (((nint)n * shape.P + p) * shape.Q + q) * shape.K + channel;
        for (int vector = 0; vector < width; vector += TLanes.Count)
        {
            var target = new SimdWinogradTarget<TLanes, TVector>
            {
                Output = (finish.IsInRegisters ? output + offset : scratch.Outputs) + vector,
                Residual = residual is null ? null : residual + offset + vector,
                RowStride = finish.IsInRegisters ? (nint)shape.Q * shape.K : TTransform.Outputs * width,
                PixelStride = finish.IsInRegisters ? shape.K : width,
                Rows = rows,
                Columns = columns,
                Finishes = finish.IsInRegisters,
                Relu = finish.Flags.Relu != 0,
                Scale = TLanes.Load(finish.Scale + vector),
                Shift = TLanes.Load(finish.Shift + vector),
            };
            TTransform.Output<TLanes, TVector>(scratch.Sums + row * width + vector, scratch.SumStride, target);
        }
        for (int i = 0; i < rows && !finish.IsInRegisters; i++)
        {
            finish.Output = output + offset;
            finish.Residual = residual is null ? null : residual + offset;
            finish.Store<TwoVectors, TLanes, TVector>(scratch.Outputs + i * TTransform.Outputs * width, columns);
            offset += (nint)shape.Q * shape.K;
        }
    }

    /// <summary>The image of a tile, and the row and column of its first output pixel.</summary>
    private static (int N, int P, int Q) Place(in Conv2dShape shape, int tile, int outputs)
    {
        int across = IntegerMath.DivideRoundUp(shape.Q, outputs), down = IntegerMath.DivideRoundUp(shape.P, outputs);
        return (tile / across / down, tile / across % down * outputs, tile % across * outputs);
    }
}
