namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// What one multiprocessor (NVIDIA), compute unit (AMD) or Xe core (Intel) holds at a time. NVIDIA's are those of the CUDA
/// programming guide, table "Technical specifications per compute capability", and of the occupancy calculator in the CUDA toolkit.
/// </summary>
/// <param name="Threads">Threads.</param>
/// <param name="Blocks">Groups of threads.</param>
/// <param name="Registers">32-bit registers.</param>
/// <param name="SharedBytes">Shared memory.</param>
/// <param name="SharedBytesReserved">Shared memory that each group loses to the system.</param>
/// <param name="SharedUnit">Shared memory is given out in multiples of this.</param>
internal sealed record MultiprocessorLimits(int Threads, int Blocks, int Registers, int SharedBytes, int SharedBytesReserved = 0, int SharedUnit = 256)
{
    /// <summary>Threads that execute one instruction together.</summary>
    public const int WarpSize = 32;

    /// <summary>Parts of a multiprocessor with registers and a scheduler of their own.</summary>
    public const int Partitions = 4;

    /// <summary>A warp's registers are given out in multiples of this.</summary>
    private const int RegisterUnit = 256;

    private const int Kibi = 1024;
    private const int NvidiaRegisters = 65536;

    /// <summary>
    /// Of an NVIDIA GPU by its compute capability, times ten: 75 for 7.5. One that is not listed has those of the nearest older one.
    /// </summary>
    public static MultiprocessorLimits OfCuda(int capability) => capability switch
    {
        >= 120 => new(1536, 24, NvidiaRegisters, 100 * Kibi, Kibi, 128),
        >= 90 => new(2048, 32, NvidiaRegisters, 228 * Kibi, Kibi, 128),
        >= 89 => new(1536, 24, NvidiaRegisters, 100 * Kibi, Kibi, 128),
        >= 86 => new(1536, 16, NvidiaRegisters, 100 * Kibi, Kibi, 128),
        >= 80 => new(2048, 32, NvidiaRegisters, 164 * Kibi, Kibi, 128),
        >= 75 => new(1024, 16, NvidiaRegisters, 64 * Kibi),
        _ => new(2048, 32, NvidiaRegisters, 96 * Kibi),
    };

    /// <summary>Groups that run at a time; 0 when a single one does not fit.</summary>
    /// <param name="threads">Threads of a group.</param>
    /// <param name="registers">Registers of a thread.</param>
    /// <param name="sharedBytes">Shared memory of a group.</param>
    public int BlocksOf(int threads, int registers, int sharedBytes)
    {
        int warps = IntegerMath.DivideRoundUp(threads, WarpSize);
        int registersPerWarp = IntegerMath.RoundUp(Math.Max(registers, 1) * WarpSize, RegisterUnit);
        // Each partition holds whole warps.
        int warpsByRegisters = Registers / Partitions / registersPerWarp * Partitions;
        int sharedPerBlock = IntegerMath.RoundUp(sharedBytes + SharedBytesReserved, SharedUnit);
        int byShared = sharedPerBlock == 0 ? Blocks : SharedBytes / sharedPerBlock;
        return Math.Min(Math.Min(Blocks, Threads / WarpSize / warps), Math.Min(warpsByRegisters / warps, byShared));
    }
}
