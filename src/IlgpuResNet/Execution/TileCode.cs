using System.Collections.Immutable;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Execution;

/// <summary>
/// What the machine code of a tile costs, as <c>bench ptx</c> reads it for sm_80 (of the kernel for maps with padding, the most common
/// and not the cheapest). <c>bench ptx --check</c> fails when it does not agree any more.
/// </summary>
/// <param name="Tile">The tile.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="SliceInstructions">Instructions that a thread executes for one slice of the reduction, multiply-adds included.</param>
internal sealed record TileCode(GemmTile Tile, int Registers, int SliceInstructions)
{
    private const int FloatsPerLoad = 4;

    /// <summary>Of every tile.</summary>
    public static ImmutableArray<TileCode> All { get; } =
    [
        new(GemmTile.M64N64, 137, 740),
    ];

    /// <summary>Multiply-adds that a thread executes for one slice.</summary>
    public int SliceFfma => Tile.K * Tile.ThreadM * Tile.ThreadN;

    /// <summary>16-byte loads of shared memory that a thread executes for one slice.</summary>
    public int SliceSharedLoads => Tile.K * (Tile.ThreadM + Tile.ThreadN) / FloatsPerLoad;

    /// <summary>Shared memory of a group: both operands' slices, twice.</summary>
    public int SharedBytes => GemmTile.Stages * (Tile.M + Tile.N) * Tile.K * sizeof(float);

    /// <exception cref="ArgumentException">There is no such tile.</exception>
    public static TileCode Of(GemmTile tile)
    {
        foreach (TileCode code in All)
        {
            if (code.Tile == tile) return code;
        }
        throw new ArgumentException($"Nothing is known of the machine code of a tile of {tile}; add its row, which 'bench ptx' prints.");
    }
}
