namespace IlgpuResNet.Kernels.Tiled;

/// <summary>The matrix products that the tiled kernels compute for a convolution: <c>Batches</c> times <c>[M, K] x [K, N]</c>.</summary>
/// <param name="M">Rows: output pixels, or Winograd's tiles of them.</param>
/// <param name="N">Columns: output channels.</param>
/// <param name="K">Reduction length.</param>
/// <param name="Batches">Products of that size: 1, or the elements of a Winograd tile.</param>
internal readonly record struct GemmShape(int M, int N, int K, int Batches)
{
    /// <summary>Multiply-accumulates of all products, without what tiles add at the edges.</summary>
    public long Macs => checked((long)M * N * K * Batches);

    /// <summary>The products of a convolution in the tiled family; those of a direct one include the zeros of padded and grouped channels.</summary>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    public static GemmShape Of(in Conv2dShape shape, Conv2dAlgorithm algorithm) => algorithm is Conv2dAlgorithm.Direct
        ? new GemmShape(shape.GemmM, shape.K, PackedFilter.Window(shape).GemmK, 1)
        : new GemmShape(WinogradFilter.Tiles(shape, algorithm), shape.K, shape.C, WinogradFilter.Elements(algorithm));

    /// <summary>Slices of the reduction that a split has at most.</summary>
    public int SlicesPerSplit(in GemmTile tile, int splits) => IntegerMath.DivideRoundUp(IntegerMath.DivideRoundUp(K, tile.K), splits);

    /// <summary>Parts that the reduction falls into when so many are asked for: fewer where the last would have no slices.</summary>
    public int Parts(in GemmTile tile, int splits) => IntegerMath.DivideRoundUp(SlicesPerSplit(tile, 1), SlicesPerSplit(tile, splits));

    /// <summary>Groups of threads of a launch.</summary>
    public long Blocks(in GemmTile tile, int splits) => (long)IntegerMath.DivideRoundUp(M, tile.M) * IntegerMath.DivideRoundUp(N, tile.N) * Batches * Parts(tile, splits);
}
