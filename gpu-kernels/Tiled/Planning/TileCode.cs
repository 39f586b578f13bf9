using System.Collections.Immutable;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// What the machine code of a tile costs, as <c>bench ptx</c> reads it for sm_80, of the dearer of the kernels for dense and for padded maps; that
/// for pixels of odd channels, such as the stem's, is left out. <c>bench ptx --check</c> fails when it does not agree any more.
/// </summary>
/// <param name="Tile">The tile.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="SliceInstructions">Instructions that a thread executes for one slice of the reduction, multiply-adds included.</param>
internal sealed record TileCode(GemmTile Tile, int Registers, int SliceInstructions)
{
    private const int FloatsPerLoad = 4, QuadsPerExchange = 4;

    /// <summary>A row of pixels in shared memory is longer than the tile by so many floats, so that stores do not meet in a bank.</summary>
    private const int RowPadding = 4;

    /// <summary>Of every tile.</summary>
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

    /// <summary>Instructions for each multiply-add, at least 1.</summary>
    public double InstructionsPerFfma => (double)SliceInstructions / SliceFfma;

    /// <summary>16-byte loads of shared memory that a thread executes for one slice.</summary>
    public int SliceSharedLoads => Tile.K / Tile.PartitionsK * (Tile.ThreadM + Tile.ThreadN) / FloatsPerLoad;

    /// <summary>
    /// Times that a thread gives four quads of sums to another and takes four in the end, with two barriers: it stores no more than its share of the
    /// outputs that the partitions of K have in common.
    /// </summary>
    public int Exchanges => Tile.ThreadM * Tile.ThreadN * (Tile.PartitionsK - 1) / Tile.PartitionsK / (FloatsPerLoad * QuadsPerExchange);

    /// <summary>Shared memory of a group: both operands' slices, twice.</summary>
    public int SharedBytes => GemmTile.Stages * (Tile.M + RowPadding + Tile.N) * Tile.K * sizeof(float);

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
