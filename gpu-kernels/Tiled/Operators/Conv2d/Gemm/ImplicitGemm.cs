using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Convolution as a matrix product whose matrix A is never stored: output[m, n] = sum over k of A[m, k] * B[k, n], with
/// m = (image·P + p)·Q + q, n = output channel and k = (r·S + s)·L + c, over the L input channels that n's tile reads: all channels, or
/// fewer with groups (<see cref="ChannelWindow"/>). A is read from the NHWC activations (<see cref="IActivations{TSelf}"/>), B is the
/// packed filter (<see cref="PackedFilter"/>).
/// </summary>
/// <remarks>
/// A group of threads computes a tile of pixels x channels, in slices along K. Here is the tile of 64 x 64 with 64 threads, each of which
/// computes 8x8 outputs, in slices of 8; <see cref="GemmTile"/> lists the other tiles.
/// <code>
///                       B slice: 8 x 64                     thread t, row = t / 8, column = t % 8
///                     +-----------------+                   loads  A: pixel t, all 8 k
///                     | left  |  right  |                          B: k = t / 16 and t / 16 + 4, channels 4 (t % 16)..
///   A slice: 64 x 8   +-----------------+                   makes  pixels   4 row..    and 32 + 4 row..
///       +----+        +-----------------+                          channels 4 column.. and 32 + 4 column..
///       |    | upper  | t: 4x4 |t: 4x4  |
///       |    |        |        |        |                   Both slices lie in shared memory k-major, so that a thread
///       |    |        +-----------------+                   reads its 8 pixels and 8 channels of one k as four
///       |    | lower  | t: 4x4 |t: 4x4  |                   16-byte loads without bank conflicts.
///       +----+        +-----------------+
/// </code>
/// In every tile the 32 threads of a warp form 4 rows x 8 columns, so that a warp reads few different addresses. Where there are more
/// threads than pixels in a slice, two or four neighbours share a pixel, and with it the 32 bytes that memory delivers at a time. Shared
/// memory holds two stages: while one is multiplied, the next slice moves from global memory to registers and then to the other stage. One
/// barrier per slice separates them. Where K is partitioned, two or four threads compute the same outputs, each over its partition of every
/// slice: of a slice of 16 a thread multiplies 8 or 4 (<see cref="SlicedRows8{TSteps}"/>). Grid: x over tiles, tiles of the same pixels
/// side by side; y over parts (<see cref="GemmParts"/>).
/// </remarks>
internal static class ImplicitGemm
{
    private const int WarpRows = 4;
    private const int WarpColumns = 8;
    private const int WarpSize = WarpRows * WarpColumns;

    /// <summary>Computes one group's tile.</summary>
    public static void Kernel<TTile, TThreadTile, TActivations>(
        Conv2dShape shape, ChannelWindow window, TapSteps steps, Operands operands, Epilogue epilogue, GemmParts parts)
        where TTile : struct, IGemmTile
        where TThreadTile : unmanaged, IThreadTile<TThreadTile>
        where TActivations : struct, IActivations<TActivations>
    {
        // A stage of shared memory: a slice of A, then a slice of B.
        int quadsM = TTile.M / Float4.Width + GemmSlice.PaddingQuads, quadsN = TTile.N / Float4.Width;
        int startB = TTile.K * quadsM, stageQuads = TTile.K * (quadsM + quadsN);
        ArrayView<Float4> shared = SharedMemory.Allocate<Float4>(GemmTile.Stages * stageQuads);

        int thread = Group.IdxX;
        int lower = TTile.M / 2 / Float4.Width, right = TTile.N / 2 / Float4.Width;

        int tilesN = (shape.K + TTile.N - 1) / TTile.N;
        int tileM = Grid.IdxX / tilesN * TTile.M, tileN = Grid.IdxX % tilesN * TTile.N;
        int part = Grid.IdxY, firstSlice = part * parts.SliceStride;
        int slices = RegisterPin.Of(IntrinsicMath.Min(parts.SlicesPerPart, (window.GemmK + TTile.K - 1) / TTile.K - firstSlice));

        var activations = TActivations.Create(
            shape, window, steps, operands.Input, part * parts.InputStride, tileM + GemmSlice.Pixel<TTile>(thread), tileN, firstSlice,
            TTile.K / Float4.Width, GemmSlice.FirstQuad<TTile>(thread));
        var filter = PackedFilter.Walk.Create<TTile>(
            operands.Filter, part * parts.FilterStride, parts.FilterSlice, tileN, firstSlice, thread);
        int firstStep = Partition<TTile>(thread) * (TTile.K / TTile.PartitionsK);
        int readA = RegisterPin.Of(firstStep * quadsM + Row<TTile>(thread));
        int readB = RegisterPin.Of(firstStep * quadsN + Column<TTile>(thread));
        int storeA = RegisterPin.Of(GemmSlice.IndexOfA<TTile>(thread));
        GemmSlice.Store<TTile>(GemmSlice.Load<TTile, TActivations>(ref activations, ref filter), shared, storeA, thread);
        GroupBarrier.Sync();

        TThreadTile tile = default;
        int stage = 0;
        for (int left = slices; left > 0;)
        {
            int run = activations.BeginRun(left);
            left = RegisterPin.Of(left - run);
            for (; run > 0; run--)
            {
                // The last iteration prefetches past the end; that slice is never used.
                GemmSlice next = GemmSlice.Load<TTile, TActivations>(ref activations, ref filter);

                // ILGPU unrolls nothing, so the steps of a slice are written out. From iteration to iteration only the beginning of a view
                // changes, so that all other numbers are constants.
                ArrayView<Float4> a = shared.SubView(readA).SubView(stage), b = shared.SubView(readB).SubView(stage);
                tile = TThreadTile.AddOuterProduct(tile, a, lower, 0, b, right, startB);
                tile = TThreadTile.AddOuterProduct(tile, a, lower, quadsM, b, right, startB + quadsN);
                tile = TThreadTile.AddOuterProduct(tile, a, lower, 2 * quadsM, b, right, startB + 2 * quadsN);
                tile = TThreadTile.AddOuterProduct(tile, a, lower, 3 * quadsM, b, right, startB + 3 * quadsN);
                tile = TThreadTile.AddLateOuterProduct(tile, a, lower, 4 * quadsM, b, right, startB + 4 * quadsN);
                tile = TThreadTile.AddLateOuterProduct(tile, a, lower, 5 * quadsM, b, right, startB + 5 * quadsN);
                tile = TThreadTile.AddLateOuterProduct(tile, a, lower, 6 * quadsM, b, right, startB + 6 * quadsN);
                tile = TThreadTile.AddLateOuterProduct(tile, a, lower, 7 * quadsM, b, right, startB + 7 * quadsN);

                stage = stageQuads - stage;
                GemmSlice.Store<TTile>(next, shared.SubView(stage), storeA, thread);
                GroupBarrier.Sync();
            }
        }

        OutputTile output = OutputTile.Create(shape, operands, epilogue, parts.IsPartial != 0, part);
        // Computed a second time: kept through the loop, these numbers would occupy registers.
        int m = Grid.IdxX / tilesN * TTile.M + Row<TTile>(Group.IdxX) * Float4.Width;
        int n = Grid.IdxX % tilesN * TTile.N + Column<TTile>(Group.IdxX) * Float4.Width;
        TThreadTile.Store(output, tile, shared, TTile.PartitionsK, m, TTile.M / 2, n, TTile.N / 2);
    }

    /// <summary>Row of a thread's 4x4 outputs in the tile.</summary>
    private static int Row<TTile>(int thread)
        where TTile : struct, IGemmTile =>
        thread % ThreadsOfPartition<TTile>() / WarpSize / WarpsPerRow<TTile>() * WarpRows + (thread / WarpColumns & (WarpRows - 1));

    /// <summary>Column of a thread's 4x4 outputs in the tile.</summary>
    private static int Column<TTile>(int thread)
        where TTile : struct, IGemmTile =>
        (thread / WarpSize & (WarpsPerRow<TTile>() - 1)) * WarpColumns + (thread & (WarpColumns - 1));

    /// <summary>The partition of each slice that a thread multiplies.</summary>
    private static int Partition<TTile>(int thread)
        where TTile : struct, IGemmTile =>
        TTile.PartitionsK == 1 ? 0 : thread / ThreadsOfPartition<TTile>();

    private static int ThreadsOfPartition<TTile>()
        where TTile : struct, IGemmTile =>
        TTile.Threads / TTile.PartitionsK;

    private static int WarpsPerRow<TTile>()
        where TTile : struct, IGemmTile =>
        TTile.N / TTile.ThreadN / WarpColumns;
}
