using System.Collections.Immutable;

namespace IlgpuResNet.Kernels;

/// <summary>
/// How a matrix product is cut up: a group of threads makes M x N elements of the result, along the reduction in slices of K, and
/// each of its threads ThreadM x ThreadN of them in registers.
/// </summary>
/// <param name="M">Rows per group: output pixels.</param>
/// <param name="N">Columns per group: output channels.</param>
/// <param name="K">Elements of the reduction per slice.</param>
/// <param name="ThreadM">Rows per thread.</param>
/// <param name="ThreadN">Columns per thread.</param>
/// <param name="PartitionsK">
/// Parts of a slice, each multiplied by threads of its own, which add their sums up in the end (CUTLASS: sliced-K). So few threads per result that
/// each makes many, and yet many threads per group.
/// </param>
internal readonly record struct GemmTile(int M, int N, int K, int ThreadM, int ThreadN, int PartitionsK = 1)
{
    /// <summary>Elements of the reduction in the shortest slice: channels that are no multiple of them are loaded quad by quad.</summary>
    public const int LeastK = 8;

    /// <summary>Elements of the reduction in the longest slice, a multiple of all others.</summary>
    public const int MostK = 16;

    /// <summary>Slices in shared memory: one is multiplied while the next is written.</summary>
    public const int Stages = 2;

    /// <summary>For layers with more than enough pixels and channels.</summary>
    public static readonly GemmTile M128N128 = new(128, 128, 8, 8, 8);

    /// <summary>For layers of 64 output channels.</summary>
    public static readonly GemmTile M128N64 = new(128, 64, 8, 8, 8);

    /// <summary>For layers of few pixels and many channels.</summary>
    public static readonly GemmTile M64N128 = new(64, 128, 8, 8, 8);

    /// <summary>Half of these each way: more groups where larger tiles leave multiprocessors without one.</summary>
    public static readonly GemmTile M64N64 = new(64, 64, 8, 8, 8);

    /// <summary>For grouped convolutions: its run of input channels is short.</summary>
    public static readonly GemmTile M64N32 = new(64, 32, 8, 8, 4);

    /// <summary>For the last rows of few pixels.</summary>
    public static readonly GemmTile M32N64 = new(32, 64, 8, 4, 8);

    /// <summary>The most groups.</summary>
    public static readonly GemmTile M32N32 = new(32, 32, 8, 4, 4);

    /// <summary><see cref="M64N64"/> by four warps: one group has work for all parts of a multiprocessor.</summary>
    public static readonly GemmTile M64N64P2 = new(64, 64, 16, 8, 8, 2);

    /// <summary>The same for the last rows of few pixels.</summary>
    public static readonly GemmTile M32N64P4 = new(32, 64, 16, 8, 8, 4);

    /// <summary>Every tile that has kernels, from large to small.</summary>
    public static ImmutableArray<GemmTile> All { get; } = [M128N128, M128N64, M64N128, M64N64, M64N32, M32N64, M32N32, M64N64P2, M32N64P4];

    /// <summary>Threads per group.</summary>
    public int Threads => M / ThreadM * (N / ThreadN) * PartitionsK;

    /// <inheritdoc/>
    public override string ToString() => $"{M}x{N}x{K}";
}
