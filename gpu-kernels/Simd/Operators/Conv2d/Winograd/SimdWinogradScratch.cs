namespace IlgpuResNet.Kernels.Simd;

/// <summary>The scratch memory of one group in a Winograd step: its transformed tiles, their products and small buffers.</summary>
internal readonly unsafe ref struct SimdWinogradScratch
{
    /// <summary>
    /// Floats of the cache line that is left free between two elements of a transformed tile, and between two products. A transform writes
    /// or reads one vector of each; with a distance of a power of two they would all fall into few sets of the cache.
    /// </summary>
    private const int Padding = 64 / sizeof(float);

    /// <summary>Divides the scratch memory.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="algorithm">How it is computed.</param>
    /// <param name="lanes">Floats of a vector.</param>
    /// <param name="tiles">Largest number of tiles of a block.</param>
    /// <param name="memory">At least <see cref="Bytes"/>, aligned to a cache line; its contents do not matter.</param>
    public SimdWinogradScratch(in Conv2dShape shape, Conv2dAlgorithm algorithm, int lanes, int tiles, void* memory)
    {
        int elements = WinogradFilter.Elements(algorithm), outputs = WinogradFilter.Outputs(algorithm), width = 2 * lanes;
        int products = WinogradFilter.Terms(algorithm).Length * WinogradFilter.Terms(algorithm).Length;
        ElementStride = shape.C + Padding;
        TileStride = elements * ElementStride;
        SumStride = tiles * width + Padding;
        Input = (float*)memory;
        Sums = Input + (nint)tiles * TileStride;
        Outputs = Sums + (nint)products * SumStride;
        Zeros = Outputs + outputs * outputs * width;
        Pixels = (float**)(Zeros + IntegerMath.RoundUp(shape.C, Padding));
        Rows = Pixels + elements;
        RowStride = tiles;
    }

    /// <summary>Transformed input <c>[tiles][elements][C]</c>, <see cref="TileStride"/> and <see cref="ElementStride"/> apart.</summary>
    public float* Input { get; }

    /// <summary>Floats from one transformed tile to the next.</summary>
    public int TileStride { get; }

    /// <summary>Floats from one element of a transformed tile to the next.</summary>
    public int ElementStride { get; }

    /// <summary>Products with a panel of the filter <c>[products][tiles][width]</c>, products <see cref="SumStride"/> apart.</summary>
    public float* Sums { get; }

    /// <summary>Floats from one product to the next.</summary>
    public int SumStride { get; }

    /// <summary>One tile's outputs <c>[m²][width]</c> where the epilogue is not applied in registers.</summary>
    public float* Outputs { get; }

    /// <summary>C zeros, for a pixel outside the input.</summary>
    public float* Zeros { get; }

    /// <summary>Pointers to one tile's input pixels.</summary>
    public float** Pixels { get; }

    /// <summary>Pointers to the tiles' transformed elements, <c>[elements][RowStride]</c> in the order of the products.</summary>
    public float** Rows { get; }

    /// <summary>Pointers per element in <see cref="Rows"/>: the largest number of tiles of a block.</summary>
    public int RowStride { get; }

    /// <summary>Length of the memory in bytes.</summary>
    public static long Bytes(in Conv2dShape shape, Conv2dAlgorithm algorithm, int lanes, int tiles)
    {
        var end = new SimdWinogradScratch(shape, algorithm, lanes, tiles, null);
        return (long)(end.Rows + (nint)WinogradFilter.Elements(algorithm) * tiles);
    }
}
