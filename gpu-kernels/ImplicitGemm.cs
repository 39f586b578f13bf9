using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels;

/// <summary>
/// Convolution as a matrix product that is never laid out: output[m, n] = sum over k of A[m, k] * B[k, n], with
/// m = (image·P + p)·Q + q, n = output channel and k = (r·S + s)·L + c, over the L input channels that n's tile reads: all, or
/// with groups fewer (<see cref="ChannelWindow"/>). A is read straight from the NHWC activations
/// (<see cref="IActivations{TSelf}"/>), B is the packed filter (<see cref="PackedFilter"/>).
/// </summary>
/// <remarks>
/// A group of 64 threads makes a tile of 64 pixels x 64 channels, 8x8 of them per thread, along K in slices of 8:
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
/// Shared memory holds two stages: while one is multiplied, the next slice is on its way from global memory to
/// registers and then into the other. One barrier per slice parts them.
/// Grid: x over pixels, y over channels.
/// </remarks>
internal static class ImplicitGemm
{
    /// <summary>Pixels per group.</summary>
    public const int TileM = 64;

    /// <summary>Output channels per group.</summary>
    public const int TileN = 64;

    /// <summary>Elements of the reduction per slice.</summary>
    public const int TileK = 8;

    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    /// <summary>Tells the compiler how many threads share the registers.</summary>
    public static readonly KernelSpecialization Specialization = new(GroupSize, null);

    // ILGPU unrolls nothing, so a pass is written out. Passes are a loop because its optimiser moves what a block computes
    // towards its use: without the loop the products end up behind the barrier and the global loads behind the products.
    private const int StepsPerPass = 4;

    private const int ThreadColumns = 8;
    private const int QuadsM = TileM / Float4.Width;
    private const int QuadsN = TileN / Float4.Width;

    // One stage of each operand; both tiles are as wide, so one number serves both.
    private const int StageQuads = TileK * QuadsM;
    private const int StageFloats = TileK * TileM;

    /// <summary>One group's tile.</summary>
    public static void Kernel<TActivations>(Conv2dShape shape, ChannelWindow window, Operands operands, Epilogue epilogue)
        where TActivations : struct, IActivations<TActivations>
    {
        ArrayView<Float4> sharedA = SharedMemory.Allocate<Float4>(2 * StageQuads);
        ArrayView<Float4> sharedB = SharedMemory.Allocate<Float4>(2 * StageQuads);
        ArrayView<float> sharedAFloats = sharedA.Cast<float>();

        int thread = Group.IdxX;
        int row = thread / ThreadColumns;
        int column = thread % ThreadColumns;
        int tileM = Grid.IdxX * TileM;
        int tileN = Grid.IdxY * TileN;

        TActivations activations = TActivations.Create(shape, window, operands.Input, tileM + thread, tileN);
        PackedFilter.Walk filter = PackedFilter.Walk.Create(shape, window, operands.Filter, tileN, thread);

        AccumulatorTile tile = default;
        int slices = (window.GemmK + TileK - 1) / TileK;
        int stage = 0;
        for (int slice = -1; slice < slices; slice++)
        {
            // The turn before the first slice multiplies nothing; the load of the last turn, past the end, is never multiplied.
            Slice next = LoadSlice(ref activations, ref filter);

            int a = stage * StageQuads + row;
            int b = stage * StageQuads + column;
            int steps = slice < 0 ? 0 : TileK;
            for (int k = 0; k < steps; k += StepsPerPass)
            {
                tile = MultiplyStep(tile, sharedA, sharedB, a, b);
                tile = MultiplyStep(tile, sharedA, sharedB, a + QuadsM, b + QuadsN);
                tile = MultiplyStep(tile, sharedA, sharedB, a + 2 * QuadsM, b + 2 * QuadsN);
                tile = MultiplyStep(tile, sharedA, sharedB, a + 3 * QuadsM, b + 3 * QuadsN);
                a += StepsPerPass * QuadsM;
                b += StepsPerPass * QuadsN;
            }

            stage = 1 - stage;
            StoreSlice(next, sharedAFloats, sharedB, thread, stage);
            GroupBarrier.Sync();
        }

        OutputTile.Store(shape, operands, epilogue, tile, tileM + row * Float4.Width, tileN + column * Float4.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static AccumulatorTile MultiplyStep(AccumulatorTile tile, ArrayView<Float4> sharedA, ArrayView<Float4> sharedB, int a, int b) =>
        AccumulatorTile.AddOuterProduct(tile, sharedA[a], sharedA[a + QuadsM / 2], sharedB[b], sharedB[b + QuadsN / 2]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Slice LoadSlice<TActivations>(ref TActivations activations, ref PackedFilter.Walk filter)
        where TActivations : struct, IActivations<TActivations>
    {
        Slice slice;
        slice.A0 = activations.LoadNext();
        slice.A1 = activations.LoadNext();
        slice.B0 = filter.Upper;
        slice.B1 = filter.Lower;
        filter.Advance();
        return slice;
    }

    /// <summary>Writes A transposed: a pixel's eight elements become a column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreSlice(Slice slice, ArrayView<float> sharedA, ArrayView<Float4> sharedB, int thread, int stage)
    {
        int a = stage * StageFloats + thread;
        sharedA[a + 0 * TileM] = slice.A0.X;
        sharedA[a + 1 * TileM] = slice.A0.Y;
        sharedA[a + 2 * TileM] = slice.A0.Z;
        sharedA[a + 3 * TileM] = slice.A0.W;
        sharedA[a + 4 * TileM] = slice.A1.X;
        sharedA[a + 5 * TileM] = slice.A1.Y;
        sharedA[a + 6 * TileM] = slice.A1.Z;
        sharedA[a + 7 * TileM] = slice.A1.W;
        int b = stage * StageQuads + thread;
        sharedB[b] = slice.B0;
        sharedB[b + GroupSize] = slice.B1;
    }

    /// <summary>One thread's share of a slice, on its way through registers.</summary>
    private struct Slice
    {
        public Float4 A0;
        public Float4 A1;
        public Float4 B0;
        public Float4 B1;
    }
}
