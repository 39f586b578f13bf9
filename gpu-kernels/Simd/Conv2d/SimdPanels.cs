namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// How the output channels of a direct convolution fall into panels, a register tile's columns, and which input channels each
/// panel reads.
/// </summary>
/// <remarks>
/// Two vectors make a panel: each broadcast input then serves two multiply-adds. In a grouped convolution that may read more
/// groups than it must (<see cref="ChannelWindow"/>), and one vector less. Where whole groups of equal input and output channels
/// fill a vector, nothing is read in vain: a step multiplies lane by lane, each with an input channel of its own group.
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

    /// <summary>Panels; the last may be narrower.</summary>
    public int Count { get; }

    /// <summary>True when a step of the sums takes for each lane the next channel of the lane's own group.</summary>
    public bool InLaneGroups { get; }

    /// <summary>Steps of the sums for each input pixel: the channels that an output channel's panel reads.</summary>
    public int Length { get; }

    /// <summary>Steps of the sums in all: R·S·<see cref="Length"/>.</summary>
    public int GemmK { get; }

    /// <summary>The panels of a convolution with vectors of so many lanes.</summary>
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

    /// <summary>The step, among the <see cref="Length"/> of a pixel, with the first input channel that an output channel sees.</summary>
    public int Offset(int k) => InLaneGroups ? 0 : window.Offset(k, Width);
}

/// <summary>What a register tile must know of its panels when it is compiled.</summary>
internal interface ISimdPanelKind
{
    /// <inheritdoc cref="SimdPanels.Vectors"/>
    static abstract int Vectors { get; }

    /// <inheritdoc cref="SimdPanels.InLaneGroups"/>
    static abstract bool InLaneGroups { get; }
}

/// <summary>The common case.</summary>
internal readonly struct TwoVectors : ISimdPanelKind
{
    public static int Vectors => 2;

    public static bool InLaneGroups => false;
}

/// <summary>Groups of a vector's channels or more.</summary>
internal readonly struct OneVector : ISimdPanelKind
{
    public static int Vectors => 1;

    public static bool InLaneGroups => false;
}

/// <summary>Several groups in one vector.</summary>
internal readonly struct LaneGroups : ISimdPanelKind
{
    public static int Vectors => 1;

    public static bool InLaneGroups => true;
}
