using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>
/// How kernels that multiply whole tiles of output channels compute a grouped convolution: a tile reads, as one run, the
/// input channels of all groups it reaches into, and the packed filter has zeros for those that an output channel does not see.
/// So there is no kernel for groups, and a convolution of one group is the case of a run that is all channels.
/// </summary>
/// <remarks>
/// The run has the same length for every tile, as short as the neediest allows. A tile of 16 channels of ResNeXt's 32x4d
/// (4 channels in and out per group) reads 16 of 128; of a depthwise convolution, 16 too. Blittable, so that kernels take it by value.
/// A NaN or an infinity in one group's input can reach the neighbouring groups of a tile, as 0 times it is NaN.
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
        // Where all pixels start at whole quads, so do the runs: those who load quads can.
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

    /// <summary>The window of a convolution made in tiles of <paramref name="tileK"/> output channels.</summary>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    public static ChannelWindow Of(in Conv2dShape shape, int tileK) => Of(shape, tileK, shape.C);

    /// <summary>The same over pixels that have more channels in memory than the convolution knows of.</summary>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    public static ChannelWindow Of(in Conv2dShape shape, int tileK, int channels)
    {
        if (!shape.HasEqualGroups) throw new ArgumentException(UnequalGroups(shape));
        return new ChannelWindow(shape, tileK, channels);
    }

    /// <summary>Says what is wrong with the groups of a shape.</summary>
    public static string UnequalGroups(in Conv2dShape shape) =>
        $"{shape.Groups} groups do not divide {shape.C} input and {shape.K} output channels; make both multiples of the groups.";

    /// <summary>First input channel that the tile with first output channel <paramref name="k"/> reads.</summary>
    public int First(int k) => IntrinsicMath.Min(k / groupK * groupC / alignment * alignment, last);

    /// <summary>Where in its tile's run an output channel's own <see cref="Conv2dShape.GroupC"/> input channels start.</summary>
    public int Offset(int k, int tileK) => k / groupK * groupC - First(k / tileK * tileK);
}
