namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// The panels of a direct convolution: the output channels of one register tile, and the input channels that each panel reads.
/// </summary>
/// <remarks>
/// A panel is two vectors wide, so that each broadcast input serves two multiply-adds. In a grouped convolution such a panel may read
/// channels of more groups (<see cref="ChannelWindow"/>) than a panel of one vector. Where whole groups with as many input as output
/// channels fill a vector, no channel is read without need: a step multiplies lane by lane, each with an input channel of its own group.
/// </remarks>
internal readonly struct SimdPanels
{
    private readonly ChannelWindow window;

    private SimdPanels(in Conv2dShape shape, int vectors, int lanes, bool inLaneGroups)
    {
        Vectors = vectors;
        Width = vectors * lanes;
        InLaneGroups = inLaneGroups;
        Count = IntegerMath.DivideRoundUp(shape.K, Width);
        window = ChannelWindow.Of(shape, Width);
        Length = inLaneGroups ? shape.GroupC : window.Length;
        GemmK = checked(shape.R * shape.S * Length);
    }

    /// <summary>Vectors of a panel: 1 or 2.</summary>
    public int Vectors { get; }

    /// <summary>Output channels of a panel.</summary>
    public int Width { get; }

    /// <summary>Number of panels; the last may be narrower.</summary>
    public int Count { get; }

    /// <summary>True when each lane multiplies the input channels of its own group.</summary>
    public bool InLaneGroups { get; }

    /// <summary>Steps of the sums per input pixel: the number of channels that a panel reads.</summary>
    public int Length { get; }

    /// <summary>Steps of a sum: R·S·<see cref="Length"/>.</summary>
    public int GemmK { get; }

    /// <summary>The panels of a convolution with vectors of some lanes.</summary>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    public static SimdPanels Of(in Conv2dShape shape, int lanes)
    {
        var two = new SimdPanels(shape, 2, lanes, inLaneGroups: false);
        if (shape.Groups == 1) return two;
        bool groupsFillVectors = shape.GroupC == shape.GroupK && shape.GroupC < lanes && lanes % shape.GroupC == 0 && shape.C % lanes == 0;
        var one = new SimdPanels(shape, 1, lanes, groupsFillVectors);
        return one.Length < two.Length ? one : two;
    }

    /// <summary>First input channel that the panel with first output channel <paramref name="channel"/> reads.</summary>
    public int First(int channel) => InLaneGroups ? channel : window.First(channel);

    /// <summary>
    /// Number of the step, of the <see cref="Length"/> of a pixel, with the first input channel that an output channel sees.
    /// </summary>
    public int Offset(int k) => InLaneGroups ? 0 : window.Offset(k, Width);
}

/// <summary>The properties of panels for which a register tile is compiled.</summary>
internal interface ISimdPanelKind
{
    /// <inheritdoc cref="SimdPanels.Vectors"/>
    static abstract int Vectors { get; }

    /// <inheritdoc cref="SimdPanels.InLaneGroups"/>
    static abstract bool InLaneGroups { get; }
}

/// <summary>Panels of two vectors, the common case.</summary>
internal readonly struct TwoVectors : ISimdPanelKind
{
    public static int Vectors => 2;

    public static bool InLaneGroups => false;
}

/// <summary>Panels of one vector.</summary>
internal readonly struct OneVector : ISimdPanelKind
{
    public static int Vectors => 1;

    public static bool InLaneGroups => false;
}

/// <summary>Panels of one vector that holds several groups.</summary>
internal readonly struct LaneGroups : ISimdPanelKind
{
    public static int Vectors => 1;

    public static bool InLaneGroups => true;
}
