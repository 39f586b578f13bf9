namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// The parts of a convolution, which the groups take one by one. Each group's share of the output (<see cref="SimdSplit"/>) is divided into
/// blocks of pixels, or of Winograd's tiles, and each block into ranges of panels; the parts follow one another block after block.
/// </summary>
/// <param name="split">The groups' shares.</param>
/// <param name="blockPixels">Largest number of pixels of a block.</param>
/// <param name="panelsPerPart">Largest number of panels of a part.</param>
internal readonly struct SimdParts(SimdSplit split, int blockPixels, int panelsPerPart)
{
    /// <summary>Writes the number of parts of each group, for <see cref="SimdQueues"/>.</summary>
    public void Count(Span<int> counts)
    {
        for (int group = 0; group < counts.Length; group++)
        {
            (int first, int end) = split.Pixels(group);
            counts[group] = IntegerMath.DivideRoundUp(end - first, blockPixels) * PanelRanges(group);
        }
    }

    /// <summary>The pixels and panels of one part of a group's share.</summary>
    public (int FirstPixel, int EndPixel, int FirstPanel, int EndPanel) this[int group, int part]
    {
        get
        {
            int ranges = PanelRanges(group);
            (int block, int range) = Math.DivRem(part, ranges);
            (int firstPixel, int endPixel) = split.Pixels(group);
            (int firstPanel, int endPanel) = split.Panels(group);
            (int first, int end) = SimdSplit.Range(endPanel - firstPanel, range, ranges);
            int pixel = firstPixel + block * blockPixels;
            return (pixel, Math.Min(pixel + blockPixels, endPixel), firstPanel + first, firstPanel + end);
        }
    }

    private int PanelRanges(int group)
    {
        (int first, int end) = split.Panels(group);
        return IntegerMath.DivideRoundUp(end - first, panelsPerPart);
    }
}
