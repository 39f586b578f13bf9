using System.Collections.Immutable;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Costs of a tile's machine code, as <c>bench ptx</c> reads them for sm_80: the larger costs of the kernels for dense and for padded
/// inputs. The kernel for pixels whose channels are no multiple of 8, such as those of the stem, is left out. <c>bench ptx --check</c>
/// fails when a row does not agree with the machine code.
/// </summary>
/// <param name="Tile">The tile.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="SliceInstructions">Instructions that a thread executes for one slice of the reduction, including multiply-adds.</param>
internal sealed record TileCode(GemmTile Tile, int Registers, int SliceInstructions)
{
    private const int FloatsPerLoad = 4, QuadsPerExchange = 4;

    /// <summary>Floats by which a row of pixels in shared memory is longer than the tile, so that stores go to different banks.</summary>
    private const int RowPadding = 4;

    /// <summary>The costs of every tile.</summary>
    public static ImmutableArray<TileCode> All { get; } =
    [
        new(GemmTile.M128N128, 127, 567),
        new(GemmTile.M128N64, 127, 577),
        new(GemmTile.M64N128, 127, 574),
        new(GemmTile.M64N64, 127, 584),
        new(GemmTile.M64N32, 88, 313),
        new(GemmTile.M32N64, 89, 310),
        new(GemmTile.M32N32, 71, 166),
        new(GemmTile.M64N64P2, 126, 582),
        new(GemmTile.M32N64P4, 128, 300),
    ];

    /// <summary>Multiply-adds that a thread executes for one slice.</summary>
    public int SliceFfma => Tile.K / Tile.PartitionsK * Tile.ThreadM * Tile.ThreadN;

    /// <summary>Instructions per multiply-add, at least 1.</summary>
    public double InstructionsPerFfma => (double)SliceInstructions / SliceFfma;

    /// <summary>16-byte loads of shared memory that a thread executes for one slice.</summary>
    public int SliceSharedLoads => Tile.K / Tile.PartitionsK * (Tile.ThreadM + Tile.ThreadN) / FloatsPerLoad;

    /// <summary>
    /// Number of exchanges of sums at the end. In an exchange a thread gives four quads of sums to another thread and receives four, with
    /// two barriers, so that each thread stores its share of the outputs that the partitions of K have in common.
    /// </summary>
    public int Exchanges => Tile.ThreadM * Tile.ThreadN * (Tile.PartitionsK - 1) / Tile.PartitionsK / (FloatsPerLoad * QuadsPerExchange);

    /// <summary>Shared memory of a group in bytes: two stages with a slice of both operands.</summary>
    public int SharedBytes => GemmTile.Stages * (Tile.M + RowPadding + Tile.N) * Tile.K * sizeof(float);

    /// <summary>The costs of a tile.</summary>
    /// <exception cref="ArgumentException">The tile has no row.</exception>
    public static TileCode Of(GemmTile tile)
    {
        foreach (TileCode code in All)
        {
            if (code.Tile == tile) return code;
        }
        throw new ArgumentException($"A tile of {tile} has no costs of its machine code; add its row, which 'bench ptx' prints.");
    }
}
