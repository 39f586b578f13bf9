using System.Collections.Immutable;

namespace IlgpuResNet.Kernels;

/// <summary>
/// How a matrix product is cut into tiles: a group of threads computes M x N elements of the result, in slices of K along the reduction;
/// each thread computes ThreadM x ThreadN of these elements in registers.
/// </summary>
/// <param name="M">Rows per group: output pixels.</param>
/// <param name="N">Columns per group: output channels.</param>
/// <param name="K">Elements of the reduction per slice.</param>
/// <param name="ThreadM">Rows per thread.</param>
/// <param name="ThreadN">Columns per thread.</param>
/// <param name="PartitionsK">
/// Partitions of a slice. Each partition is multiplied by threads of its own, whose sums are added up at the end (CUTLASS: sliced-K), so
/// that a group has many threads although each thread computes many results.
/// </param>
internal readonly record struct GemmTile(int M, int N, int K, int ThreadM, int ThreadN, int PartitionsK = 1)
{
    /// <summary>Elements of the reduction in the shortest slice. Channels that are no multiple of it are loaded quad by quad.</summary>
    public const int LeastK = 8;

    /// <summary>Elements of the reduction in the longest slice, a multiple of all other lengths.</summary>
    public const int MostK = 16;

    /// <summary>Slices in shared memory: one is multiplied while the next is written.</summary>
    public const int Stages = 2;

    /// <summary>For layers with more than enough pixels and channels.</summary>
    public static readonly GemmTile M128N128 = new(128, 128, 8, 8, 8);

    /// <summary>For layers of 64 output channels.</summary>
    public static readonly GemmTile M128N64 = new(128, 64, 8, 8, 8);

    /// <summary>For layers of few pixels and many channels.</summary>
    public static readonly GemmTile M64N128 = new(64, 128, 8, 8, 8);

    /// <summary>For layers in which larger tiles would leave multiprocessors without a group.</summary>
    public static readonly GemmTile M64N64 = new(64, 64, 8, 8, 8);

    /// <summary>For grouped convolutions: a narrow tile reads a short run of input channels.</summary>
    public static readonly GemmTile M64N32 = new(64, 32, 8, 8, 4);

    /// <summary>For layers of very few pixels.</summary>
    public static readonly GemmTile M32N64 = new(32, 64, 8, 4, 8);

    /// <summary>Gives the most groups.</summary>
    public static readonly GemmTile M32N32 = new(32, 32, 8, 4, 4);

    /// <summary>
    /// <see cref="M64N64"/> by four warps instead of two: one group gives work to all four schedulers of a multiprocessor.
    /// </summary>
    public static readonly GemmTile M64N64P2 = new(64, 64, 16, 8, 8, 2);

    /// <summary><see cref="M32N64"/> by four warps, for layers of very few pixels.</summary>
    public static readonly GemmTile M32N64P4 = new(32, 64, 16, 8, 8, 4);

    /// <summary>All tiles that have kernels, from large to small.</summary>
    public static ImmutableArray<GemmTile> All { get; } = [M128N128, M128N64, M64N128, M64N64, M64N32, M32N64, M32N32, M64N64P2, M32N64P4];

    /// <summary>Threads per group.</summary>
    public int Threads => M / ThreadM * (N / ThreadN) * PartitionsK;

    /// <inheritdoc/>
    public override string ToString() => $"{M}x{N}x{K}";
}
