namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// What the groups of one part of a launch, those of one <c>Grid.IdxY</c>, compute: a part of the reduction, or one of many products of the same
/// size. Blittable, so that kernels take it by value.
/// </summary>
/// <param name="SlicesPerPart">Slices of the reduction that each part has; the last may have fewer.</param>
/// <param name="SliceStride">Slices from the beginning of one part to that of the next: 0 where parts are products of their own.</param>
/// <param name="InputStride">Quads from the input of one part to that of the next.</param>
/// <param name="FilterStride">Quads from the filter of one part to that of the next, over and above what <see cref="SliceStride"/> skips.</param>
/// <param name="FilterSlice">Quads of the filter in a slice, those of all its columns.</param>
/// <param name="IsPartial">1 when sums are left as they are, each part's behind that of the one before; 0 when they are finished results.</param>
internal readonly record struct GemmParts(int SlicesPerPart, int SliceStride, int InputStride, int FilterStride, int FilterSlice, int IsPartial)
{
    /// <summary>One part, finished.</summary>
    public static GemmParts Whole(int slices, int filterSlice) => new(slices, 0, 0, 0, filterSlice, 0);

    /// <summary>Parts of the reduction.</summary>
    public static GemmParts OfReduction(int slicesPerPart, int filterSlice) => new(slicesPerPart, slicesPerPart, 0, 0, filterSlice, 1);

    /// <summary>Products of their own.</summary>
    public static GemmParts Batch(int slices, int inputStride, int filterStride, int filterSlice) => new(slices, 0, inputStride, filterStride, filterSlice, 1);
}
