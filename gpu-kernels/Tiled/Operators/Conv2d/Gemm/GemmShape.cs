namespace IlgpuResNet.Kernels.Tiled;

/// <summary>The matrix products that the tiled kernels compute for a convolution: <c>Batches</c> products <c>[M, K] x [K, N]</c>.</summary>
/// <param name="M">Rows: output pixels, or Winograd's tiles of them.</param>
/// <param name="N">Columns: output channels.</param>
/// <param name="K">Reduction length.</param>
/// <param name="Batches">Number of products: 1, or the number of elements of a Winograd tile.</param>
internal readonly record struct GemmShape(int M, int N, int K, int Batches)
{
    /// <summary>Multiply-accumulates of all products, without those that tiles add at the edges.</summary>
    public long Macs => checked((long)M * N * K * Batches);

    /// <summary>
    /// The products of a convolution in the tiled family. The product of a direct convolution includes the zeros of padded and grouped
    /// channels.
    /// </summary>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    public static GemmShape Of(in Conv2dShape shape, Conv2dAlgorithm algorithm) => algorithm is Conv2dAlgorithm.Direct
        ? new GemmShape(shape.GemmM, shape.K, PackedFilter.Window(shape).GemmK, 1)
        : new GemmShape(WinogradFilter.Tiles(shape, algorithm), shape.K, shape.C, WinogradFilter.Elements(algorithm));

    /// <summary>Largest number of slices of the reduction in a split.</summary>
    public int SlicesPerSplit(in GemmTile tile, int splits) => IntegerMath.DivideRoundUp(IntegerMath.DivideRoundUp(K, tile.K), splits);

    /// <summary>
    /// Number of parts of the reduction for a number of splits: fewer than the splits where the last would have no slices.
    /// </summary>
    public int Parts(in GemmTile tile, int splits) => IntegerMath.DivideRoundUp(SlicesPerSplit(tile, 1), SlicesPerSplit(tile, splits));

    /// <summary>Groups of threads of a launch.</summary>
    public long Blocks(in GemmTile tile, int splits) =>
        (long)IntegerMath.DivideRoundUp(M, tile.M) * IntegerMath.DivideRoundUp(N, tile.N) * Batches * Parts(tile, splits);
}
