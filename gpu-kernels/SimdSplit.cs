namespace IlgpuResNet.Kernels;

/// <summary>
/// How the groups share one convolution: a grid of pixel ranges x panel ranges. Pixels alone when there are many,
/// panels of output channels when there are few (a linear layer has N pixels), both when there are many groups.
/// The split never changes a result: no sum is divided.
/// </summary>
internal readonly record struct SimdSplit(int PixelCount, int PanelCount, int PixelGroups, int PanelGroups)
{
    /// <summary>Multiply-adds a core does while one float arrives from the shared cache.</summary>
    private const int MacsPerFloat = 8;

    /// <summary>Chooses the grid whose busiest group is done first, by its multiply-adds and the floats it fetches.</summary>
    public static SimdSplit Choose(in Conv2dShape shape, in ChannelWindow window, int panelWidth, int groups)
    {
        int panels = DivideRoundUp(shape.K, panelWidth);
        double inputFloats = (double)shape.N * shape.H * shape.W * shape.C;
        var best = new SimdSplit(shape.GemmM, panels, 1, 1);
        double bestCost = double.PositiveInfinity;
        for (int panelGroups = 1; panelGroups <= Math.Min(groups, panels); panelGroups++)
        {
            int pixelGroups = groups / panelGroups;
            double pixels = DivideRoundUp(shape.GemmM, pixelGroups);
            double weights = (double)window.GemmK * panelWidth * DivideRoundUp(panels, panelGroups);
            double cost = pixels * weights + MacsPerFloat * (weights + inputFloats / pixelGroups);
            if (cost >= bestCost) continue;
            bestCost = cost;
            best = new SimdSplit(shape.GemmM, panels, pixelGroups, panelGroups);
        }
        return best;
    }

    /// <summary>The pixels of a group, from first to before end; none when the group is left over.</summary>
    public (int First, int End) Pixels(int group) =>
        group < PixelGroups * PanelGroups ? Range(PixelCount, group % PixelGroups, PixelGroups) : (0, 0);

    /// <summary>The panels of a group, from first to before end; none when the group is left over.</summary>
    public (int First, int End) Panels(int group) =>
        group < PixelGroups * PanelGroups ? Range(PanelCount, group / PixelGroups, PanelGroups) : (0, 0);

    /// <summary>Part number <paramref name="part"/> of <paramref name="count"/> things dealt out evenly.</summary>
    public static (int First, int End) Range(int count, int part, int parts) =>
        ((int)((long)count * part / parts), (int)((long)count * (part + 1) / parts));

    /// <summary>Quotient rounded up.</summary>
    public static int DivideRoundUp(int value, int divisor) => (value + divisor - 1) / divisor;
}
