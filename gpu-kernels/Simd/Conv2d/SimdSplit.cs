namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// How the groups share one convolution: a grid of pixel ranges x panel ranges. Pixels alone when there are many,
/// panels of output channels when there are few (a linear layer has N pixels), both when there are many groups.
/// The split never changes a result: no sum is divided. <see cref="SimdWork"/> chooses it.
/// </summary>
internal readonly record struct SimdSplit(int PixelCount, int PanelCount, int PixelGroups, int PanelGroups)
{
    /// <summary>The most pixels that a group has.</summary>
    public int MostPixels => IntegerMath.DivideRoundUp(PixelCount, PixelGroups);

    /// <summary>The pixels of a group, from first to before end; none when the group is left over.</summary>
    public (int First, int End) Pixels(int group) =>
        group < PixelGroups * PanelGroups ? Range(PixelCount, group % PixelGroups, PixelGroups) : (0, 0);

    /// <summary>The panels of a group, from first to before end; none when the group is left over.</summary>
    public (int First, int End) Panels(int group) =>
        group < PixelGroups * PanelGroups ? Range(PanelCount, group / PixelGroups, PanelGroups) : (0, 0);

    /// <summary>Part number <paramref name="part"/> of <paramref name="count"/> things dealt out evenly.</summary>
    public static (int First, int End) Range(int count, int part, int parts) =>
        ((int)((long)count * part / parts), (int)((long)count * (part + 1) / parts));
}
