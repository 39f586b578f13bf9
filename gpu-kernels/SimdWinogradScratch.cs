namespace IlgpuResNet.Kernels;

/// <summary>The scratch memory of one group in a Winograd step: where its transformed tiles, their products and small buffers lie.</summary>
internal readonly unsafe ref struct SimdWinogradScratch
{
    /// <summary>
    /// One cache line more from an element of the transformed tiles to the next: a transform writes one vector of each, and
    /// with a distance of a power of two all of them would fall into one set of the cache.
    /// </summary>
    private const int Padding = 64 / sizeof(float);

    /// <summary>Divides the scratch memory.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="outputs">Output rows and columns of a tile.</param>
    /// <param name="lanes">Floats of a vector.</param>
    /// <param name="tiles">The most tiles of a block.</param>
    /// <param name="memory">At least <see cref="Bytes"/>, aligned to a cache line; what is in it does not matter.</param>
    public SimdWinogradScratch(in Conv2dShape shape, int outputs, int lanes, int tiles, void* memory)
    {
        int side = outputs + WinogradFilter.Taps - 1, elements = side * side, width = 2 * lanes;
        InputStride = tiles * shape.C + Padding;
        SumStride = tiles * width + Padding;
        Input = (float*)memory;
        Sums = Input + (nint)elements * InputStride;
        Half = Sums + (nint)elements * SumStride;
        Outputs = Half + elements * lanes;
        Zeros = Outputs + outputs * outputs * width;
        Pixels = (float**)(Zeros + (shape.C + Padding - 1) / Padding * Padding);
        Rows = Pixels + elements;
    }

    /// <summary>Transformed input <c>[elements][tiles][C]</c>, elements <see cref="InputStride"/> apart.</summary>
    public float* Input { get; }

    public int InputStride { get; }

    /// <summary>Products with a panel of the filter <c>[elements][tiles][width]</c>, elements <see cref="SumStride"/> apart.</summary>
    public float* Sums { get; }

    public int SumStride { get; }

    /// <summary>One tile's vectors between the two passes of a transform.</summary>
    public float* Half { get; }

    /// <summary>One tile's outputs <c>[m²][width]</c>.</summary>
    public float* Outputs { get; }

    /// <summary>C zeros: a pixel outside the input.</summary>
    public float* Zeros { get; }

    /// <summary>Pointers to one tile's input pixels.</summary>
    public float** Pixels { get; }

    /// <summary>Pointers to the tiles' first transformed elements.</summary>
    public float** Rows { get; }

    /// <summary>Length of the memory.</summary>
    public static long Bytes(in Conv2dShape shape, int outputs, int lanes, int tiles)
    {
        var end = new SimdWinogradScratch(shape, outputs, lanes, tiles, null);
        return (long)(end.Rows + tiles);
    }
}
