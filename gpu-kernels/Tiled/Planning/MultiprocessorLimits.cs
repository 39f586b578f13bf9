namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Limits of one multiprocessor (NVIDIA), compute unit (AMD) or Xe core (Intel). The numbers of NVIDIA GPUs are from the CUDA
/// programming guide, table "Technical specifications per compute capability", and from the occupancy calculator in the CUDA toolkit.
/// </summary>
/// <param name="Threads">Threads.</param>
/// <param name="Blocks">Groups of threads.</param>
/// <param name="Registers">32-bit registers.</param>
/// <param name="SharedBytes">Shared memory, in bytes.</param>
/// <param name="SharedBytesReserved">Shared memory of each group that the system reserves, in bytes.</param>
/// <param name="SharedUnit">Shared memory is allocated in multiples of this number of bytes.</param>
internal sealed record MultiprocessorLimits(
    int Threads, int Blocks, int Registers, int SharedBytes, int SharedBytesReserved = 0, int SharedUnit = 256)
{
    /// <summary>Threads that execute one instruction together.</summary>
    public const int WarpSize = 32;

    /// <summary>Partitions of a multiprocessor, each with its own registers and scheduler.</summary>
    public const int Partitions = 4;

    /// <summary>A warp's registers are allocated in multiples of this number.</summary>
    private const int RegisterUnit = 256;

    private const int Kibi = 1024;
    private const int NvidiaRegisters = 65536;

    /// <summary>
    /// Limits of an NVIDIA GPU by its compute capability times ten: 75 for 7.5. A capability that is not listed has the limits of the
    /// nearest older one.
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

    /// <summary>Number of groups that run at a time; 0 when not even one fits.</summary>
    /// <param name="threads">Threads of a group.</param>
    /// <param name="registers">Registers of a thread.</param>
    /// <param name="sharedBytes">Shared memory of a group, in bytes.</param>
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
