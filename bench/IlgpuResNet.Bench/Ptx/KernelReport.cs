using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;

namespace IlgpuResNet.Bench.Ptx;

/// <summary>A kernel's machine code on one architecture; figures of its main loop are null where no loop has multiply-adds.</summary>
/// <param name="Kernel">Its name.</param>
/// <param name="Tile">The tile of its matrix product, or null.</param>
/// <param name="Arch">Architecture, such as <c>sm_80</c>.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="SpillBytes">Bytes that a thread stores to and loads from memory for lack of registers, counted in the code.</param>
/// <param name="StackBytes">Stack frame of a thread.</param>
/// <param name="SharedBytes">Shared memory of a group.</param>
/// <param name="BlocksPerSm">Groups that a multiprocessor holds at a time.</param>
/// <param name="ThreadsPerSm">Threads that it holds at a time.</param>
/// <param name="HotLoopInstructions">Instructions of an iteration of the main loop.</param>
/// <param name="HotLoopFfma">Multiply-adds among them.</param>
/// <param name="HotLoopFfmaShare">Their share.</param>
/// <param name="HotLoop16ByteLoads">Loads of 16 bytes.</param>
/// <param name="HotLoopNarrowLoads">Loads of fewer bytes.</param>
/// <param name="HotLoopStores">Stores.</param>
/// <param name="HotLoopInteger">Integer and address arithmetic.</param>
/// <param name="HotLoopControl">Branches, barriers and fences.</param>
internal sealed record KernelReport(
    string Kernel, string? Tile, string Arch,
    int Registers, int SpillBytes, int StackBytes, int SharedBytes, int BlocksPerSm, int ThreadsPerSm,
    int? HotLoopInstructions, int? HotLoopFfma, double? HotLoopFfmaShare, int? HotLoop16ByteLoads, int? HotLoopNarrowLoads,
    int? HotLoopStores, int? HotLoopInteger, int? HotLoopControl)
{
    /// <param name="kernel">The kernel.</param>
    /// <param name="tile">Its tile, or the default.</param>
    /// <param name="threads">Threads of a group.</param>
    /// <param name="capability">Compute capability of the architecture, times ten.</param>
    /// <param name="assembled">Its machine code there.</param>
    public static KernelReport Of(RecordedKernel kernel, GemmTile tile, int threads, int capability, AssembledKernel assembled)
    {
        bool hasTile = tile != default;
        HotLoop? loop = hasTile ? HotLoop.Find(assembled.Code, TileCode.Of(tile).SliceFfma) : null;
        int blocks = MultiprocessorLimits.OfCuda(capability).BlocksOf(threads, assembled.Registers, assembled.SharedBytes);
        return new KernelReport(
            kernel.Name, hasTile ? tile.ToString() : null, ArchOf(capability),
            assembled.Registers, assembled.SpillBytes, assembled.StackBytes, assembled.SharedBytes,
            blocks, blocks * threads,
            loop?.Instructions, loop?.Ffma, loop?.FfmaShare, loop?.Loads16, loop?.NarrowLoads, loop?.Stores, loop?.Integer, loop?.Control);
    }

    /// <summary>The assembler's name of a compute capability, times ten.</summary>
    public static string ArchOf(int capability) => $"sm_{capability}";
}
