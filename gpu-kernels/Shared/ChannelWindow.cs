using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The input channels that a tile of output channels reads in a grouped convolution: one run of channels that covers all groups the tile
/// reaches into. The packed filter has zeros for the channels that an output channel does not see. So no kernel knows groups; in a
/// convolution of one group the run is all channels.
/// </summary>
/// <remarks>
/// The run has the same length for every tile: the shortest that is long enough for all of them. A tile of 16 channels of ResNeXt's 32x4d
/// (4 channels in and out per group) reads 16 of 128 channels; a tile of a depthwise convolution reads 16, too. Blittable, so that kernels
/// take it by value. A NaN or an infinity in one group's input can reach the neighbouring groups of a tile, because 0 times it is NaN.
/// </remarks>
internal readonly struct ChannelWindow
{
    /// <summary>Channels that a GPU loads at a time.</summary>
    private const int Quad = 4;

    private readonly int groupK;
    private readonly int groupC;
    private readonly int alignment;
    private readonly int last;

    private ChannelWindow(in Conv2dShape shape, int tileK, int channels)
    {
        groupK = shape.GroupK;
        groupC = shape.GroupC;
        // Where all pixels start at whole quads, so do the runs, so that a kernel can load quads.
        alignment = channels % Quad == 0 ? Quad : 1;
        last = channels;
        int length = shape.Groups == 1 ? channels : 0;
        for (int k = 0; k < shape.K && length < channels; k += tileK)
        {
            int lastGroup = (Math.Min(k + tileK, shape.K) - 1) / groupK;
            length = Math.Max(length, (lastGroup + 1) * groupC - First(k));
        }
        Length = IntegerMath.RoundUp(length, alignment);
        last = channels - Length;
        GemmK = checked(shape.R * shape.S * Length);
    }

    /// <summary>Input channels that each tile reads.</summary>
    public int Length { get; }

    /// <summary>Reduction length of a tile: R·S·<see cref="Length"/>.</summary>
    public int GemmK { get; }

    /// <summary>The window of a convolution in tiles of <paramref name="tileK"/> output channels.</summary>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    public static ChannelWindow Of(in Conv2dShape shape, int tileK) => Of(shape, tileK, shape.C);

    /// <summary>
    /// The window of a convolution in tiles of <paramref name="tileK"/> output channels, over pixels of <paramref name="channels"/>
    /// channels in memory, of which the last are padding.
    /// </summary>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    public static ChannelWindow Of(in Conv2dShape shape, int tileK, int channels)
    {
        if (!shape.HasEqualGroups) throw new ArgumentException(UnequalGroups(shape));
        return new ChannelWindow(shape, tileK, channels);
    }

    /// <summary>The error message for groups that are not of equal size.</summary>
    public static string UnequalGroups(in Conv2dShape shape) =>
        $"{shape.Groups} groups do not divide {shape.C} input and {shape.K} output channels; make both multiples of the groups.";

    /// <summary>First input channel that the tile with first output channel <paramref name="k"/> reads.</summary>
    public int First(int k) => IntrinsicMath.Min(k / groupK * groupC / alignment * alignment, last);

    /// <summary>
    /// Position, in the run of its tile, of the first of the <see cref="Conv2dShape.GroupC"/> input channels that an output channel sees.
    /// </summary>
    public int Offset(int k, int tileK) => k / groupK * groupC - First(k / tileK * tileK);
}
