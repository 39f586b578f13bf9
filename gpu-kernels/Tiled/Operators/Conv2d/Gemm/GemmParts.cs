namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// How a launch is divided into parts, one for each <c>Grid.IdxY</c>: a part is a split of the reduction, or one of many products of equal
/// size. Blittable, so that kernels take it by value.
/// </summary>
/// <param name="SlicesPerPart">Slices of the reduction in each part; the last part may have fewer.</param>
/// <param name="SliceStride">Slices from the beginning of one part to the beginning of the next; 0 where each part is a product.</param>
/// <param name="InputStride">Quads from the input of one part to the input of the next.</param>
/// <param name="FilterStride">
/// Quads from the filter of one part to the filter of the next, in addition to <paramref name="SliceStride"/>.
/// </param>
/// <param name="FilterSlice">Quads of a slice of the filter, over all its columns.</param>
/// <param name="IsPartial">
/// 1 when the sums of the parts are stored one part after another; 0 when the results are finished and stored.
/// </param>
internal readonly record struct GemmParts(
    int SlicesPerPart, int SliceStride, int InputStride, int FilterStride, int FilterSlice, int IsPartial)
{
    /// <summary>One part whose results are finished.</summary>
    public static GemmParts Whole(int slices, int filterSlice) => new(slices, 0, 0, 0, filterSlice, 0);

    /// <summary>The splits of a reduction.</summary>
    public static GemmParts OfReduction(int slicesPerPart, int filterSlice) => new(slicesPerPart, slicesPerPart, 0, 0, filterSlice, 1);

    /// <summary>A batch of products.</summary>
    public static GemmParts Batch(int slices, int inputStride, int filterStride, int filterSlice) =>
        new(slices, 0, inputStride, filterStride, filterSlice, 1);
}
