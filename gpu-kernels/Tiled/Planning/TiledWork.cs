namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Estimates the time of a convolution on a device of which only the number of multiprocessors is known, in multiply-adds of one
/// multiprocessor. It is accurate enough to divide the work into enough groups for all multiprocessors.
/// </summary>
internal static class TiledWork
{
    /// <summary>Threads that a multiprocessor needs to hide the latency of its arithmetic and its shared memory.</summary>
    private const int ThreadsToFill = 256;

    /// <summary>
    /// Multiply-adds of a multiprocessor in the time of one float to or from memory: 64 per clock, 10 bytes per clock (A100).
    /// </summary>
    private const double MacsPerFloat = 26;

    /// <summary>Multiply-adds of a multiprocessor in the time that one more kernel takes to start, about 2 us.</summary>
    private const double MacsPerLaunch = 150_000;

    /// <summary>The guess for one method.</summary>
    public static double Of(in Conv2dShape shape, in Conv2dMethod method, int multiprocessors)
    {
        GemmShape gemm = GemmShape.Of(shape, method.Algorithm);
        GemmTile tile = method.Tile;
        // Groups of the busiest multiprocessor, which waits when it has few threads.
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

    /// <summary>A group's first loads and its stores, expressed in elements of the reduction that take as long.</summary>
    private const double DepthOfStartAndEnd = 32;

    /// <summary>
    /// Share of multiply-adds among the instructions of a thread, which reads ThreadM + ThreadN floats for ThreadM · ThreadN products.
    /// </summary>
    private static double Efficiency(in GemmTile tile)
    {
        double products = tile.ThreadM * tile.ThreadN;
        const double OtherPerFloat = 0.5;
        double small = Math.Min(tile.M, tile.N) / 128.0;
        return products / (products + OtherPerFloat * (tile.ThreadM + tile.ThreadN)) * (0.9 + 0.1 * small);
    }
}
