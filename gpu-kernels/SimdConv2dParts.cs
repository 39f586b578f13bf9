namespace IlgpuResNet.Kernels;

/// <summary>
/// How a direct convolution falls into the parts that groups take one by one: each group's share of the output (<see cref="SimdSplit"/>)
/// in blocks of pixels, and each block in ranges of panels, block after block.
/// </summary>
internal readonly struct SimdConv2dParts
{
    /// <summary>Half of a common second-level cache in floats: as much as a block's input may take.</summary>
    private const int HalfCacheFloats = 64 * 1024;

    /// <summary>Fewer tiles than this would fetch a panel from memory for too little work; 49 pixels are 9 tiles of 6.</summary>
    private const int MinBlockTiles = 9;

    /// <summary>More tiles than this gain nothing and make the table of pointers long.</summary>
    private const int MaxBlockTiles = 16;

    /// <summary>As much as copied runs may take in floats, more than one tile's.</summary>
    private const int CopyFloats = 4 * HalfCacheFloats;

    /// <summary>Multiply-adds of a part, some 40 microseconds of a core: to take one must cost nothing beside it.</summary>
    private const long PartMacs = 2_400_000;

    private readonly SimdSplit split;
    private readonly int panelsPerPart;

    public SimdConv2dParts(in Conv2dShape shape, in SimdPanels columns, int tileRows, int groups)
    {
        split = SimdWork.Direct(shape, columns).Split(groups);
        long tiles = Math.Clamp(HalfCacheFloats / (SimdInputTable.FloatsPerPixel(shape) * tileRows), MinBlockTiles, MaxBlockTiles);
        int mostPixels = SimdSplit.DivideRoundUp(split.PixelCount, split.PixelGroups);
        BlockPixels = (int)Math.Min(Math.Min(tiles, MaxTiles(shape, tileRows)) * tileRows, mostPixels);
        panelsPerPart = (int)Math.Clamp(PartMacs / ((long)BlockPixels * columns.GemmK * columns.Width), 1, columns.Count);
    }

    /// <summary>The most pixels of a block: whole tiles whose input fits the cache, never more than there are.</summary>
    public int BlockPixels { get; }

    /// <summary>The most tiles of a block, for which there is scratch memory.</summary>
    public static int MaxTiles(in Conv2dShape shape, int tileRows) => SimdInputTable.CopiesRuns(shape)
        ? (int)Math.Clamp(CopyFloats / (SimdInputTable.FloatsPerPixel(shape) * tileRows), 1, MaxBlockTiles)
        : MaxBlockTiles;

    /// <summary>Parts of a group's share; none when the group is left over.</summary>
    public int Count(int group)
    {
        (int firstPixel, int endPixel) = split.Pixels(group);
        return SimdSplit.DivideRoundUp(endPixel - firstPixel, BlockPixels) * PanelRanges(group);
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
            int pixel = firstPixel + block * BlockPixels;
            return (pixel, Math.Min(pixel + BlockPixels, endPixel), firstPanel + first, firstPanel + end);
        }
    }

    private int PanelRanges(int group)
    {
        (int firstPanel, int endPanel) = split.Panels(group);
        return SimdSplit.DivideRoundUp(endPanel - firstPanel, panelsPerPart);
    }
}
