namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// How the groups share one convolution: in a grid of ranges of pixels x ranges of panels. It divides pixels where there are many, panels
/// of output channels where there are few pixels (a linear layer has N pixels), and both for many groups. The split never changes a result,
/// because no sum is divided. <see cref="SimdWork"/> chooses it.
/// </summary>
internal readonly record struct SimdSplit(int PixelCount, int PanelCount, int PixelGroups, int PanelGroups)
{
    /// <summary>Largest number of pixels of a group.</summary>
    public int MostPixels => IntegerMath.DivideRoundUp(PixelCount, PixelGroups);

    /// <summary>The pixels of a group, from first to before end; none when the grid has fewer cells than there are groups.</summary>
    public (int First, int End) Pixels(int group) =>
        group < PixelGroups * PanelGroups ? Range(PixelCount, group % PixelGroups, PixelGroups) : (0, 0);

    /// <summary>The panels of a group, from first to before end; none when the grid has fewer cells than there are groups.</summary>
    public (int First, int End) Panels(int group) =>
        group < PixelGroups * PanelGroups ? Range(PanelCount, group / PixelGroups, PanelGroups) : (0, 0);

    /// <summary>The range of items, from first to before end, of one of <paramref name="parts"/> nearly equal parts.</summary>
    public static (int First, int End) Range(int count, int part, int parts) =>
        ((int)((long)count * part / parts), (int)((long)count * (part + 1) / parts));
}
