namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// A guess at how long a convolution takes on a GPU of which no more is known than its number of multiprocessors, in multiply-adds of one
/// of them: enough to cut the work into so many groups that none is without.
/// </summary>
internal static class TiledWork
{
    /// <summary>Threads by which a multiprocessor hides the latency of its arithmetic and its shared memory.</summary>
    private const int ThreadsToFill = 256;

    /// <summary>Multiply-adds of a multiprocessor while one float goes to or comes from memory: 64 a clock, 10 bytes a clock (A100).</summary>
    private const double MacsPerFloat = 26;

    /// <summary>Multiply-adds of a multiprocessor while one more kernel starts: about 2 us.</summary>
    private const double MacsPerLaunch = 150_000;

    /// <summary>The guess for one method.</summary>
    public static double Of(in Conv2dShape shape, in Conv2dMethod method, int multiprocessors)
    {
        GemmShape gemm = GemmShape.Of(shape, method.Algorithm);
        GemmTile tile = method.Tile;
        // Blocks of the busiest multiprocessor; few threads leave it waiting.
        double blocks = Math.Ceiling((double)gemm.Blocks(tile, method.Splits) / multiprocessors);
        double filled = Math.Min(1, blocks * tile.Threads / ThreadsToFill);
        double depth = gemm.SlicesPerSplit(tile, method.Splits) * tile.K + DepthOfStartAndEnd;
        double products = blocks * tile.M * tile.N * depth / (filled * Efficiency(tile));

        double sums = (double)gemm.M * gemm.N;
        double floats = method.Algorithm is Conv2dAlgorithm.Direct
            ? method.Splits > 1 ? 2 * method.Splits * sums : 0
            : 2 * gemm.Batches * (sums + (double)gemm.M * gemm.K);
        int launches = method.Algorithm is Conv2dAlgorithm.Direct ? method.Splits > 1 ? 1 : 0 : 2;
        return products + floats * MacsPerFloat / multiprocessors + launches * MacsPerLaunch;
    }

    /// <summary>A block's first loads and its stores take as long as so many elements of the reduction.</summary>
    private const double DepthOfStartAndEnd = 32;

    /// <summary>Share of multiply-adds among what a thread of the tile executes: it reads ThreadM + ThreadN floats for ThreadM · ThreadN products.</summary>
    private static double Efficiency(in GemmTile tile)
    {
        double products = tile.ThreadM * tile.ThreadN;
        const double OtherPerFloat = 0.5;
        double small = Math.Min(tile.M, tile.N) / 128.0;
        return products / (products + OtherPerFloat * (tile.ThreadM + tile.ThreadN)) * (0.9 + 0.1 * small);
    }
}
