namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// Estimates the work of one convolution by one algorithm, in multiply-adds of one core, to choose the algorithm and the
/// <see cref="SimdSplit"/>. Pixels are output pixels, or Winograd's tiles of them; panels are panels of output channels.
/// </summary>
/// <param name="Pixels">Number of pixels to share.</param>
/// <param name="Panels">Number of panels to share.</param>
/// <param name="PerPixelAndPanel">Work of each pixel in each panel.</param>
/// <param name="PerPixel">Work of each pixel, once in every group that has it.</param>
/// <param name="PerPanel">Work of each panel, once in every group that has it.</param>
/// <param name="Shared">Work that more cores do not shorten.</param>
internal readonly record struct SimdWork(int Pixels, int Panels, double PerPixelAndPanel, double PerPixel, double PerPanel, double Shared)
{
    /// <summary>Multiply-adds of a core in the time that one float takes from the shared cache.</summary>
    private const int MacsPerFloat = 8;

    /// <summary>
    /// Multiply-adds of a core in the additional time that a float of a filter takes from memory. Prefetching hides most of that time; a
    /// network's filters do not stay in a cache from run to run.
    /// </summary>
    private const int MacsPerMemoryFloat = 4;

    /// <summary>
    /// Multiply-adds of a core in the time that a float of Winograd's filters takes: a panel is prefetched while a block's tiles share the
    /// one before.
    /// </summary>
    private const int MacsPerPrefetchedFloat = 1;

    /// <summary>Multiply-adds of a core in the time in which it loads and transforms one float of a tile, of input or output.</summary>
    private const int MacsPerTransformedFloat = 12;

    /// <summary>The work of direct convolution.</summary>
    public static SimdWork Direct(in Conv2dShape shape, in SimdPanels columns)
    {
        double panelFloats = (double)columns.GemmK * columns.Width;
        int pixels = shape.GemmM, panels = columns.Count;
        double inputPerPixel = (double)shape.H * shape.W * shape.C / (shape.P * shape.Q);
        // Copied runs are written and read again.
        if (SimdInputTable.CopiesRuns(shape)) inputPerPixel += SimdInputTable.FloatsPerPixel(shape);
        return new SimdWork(
            pixels, panels, panelFloats, MacsPerFloat * inputPerPixel, MacsPerFloat * panelFloats,
            MacsPerMemoryFloat * panels * panelFloats);
    }

    /// <summary>The work of one of Winograd's algorithms with its transforms.</summary>
    public static SimdWork Winograd(in Conv2dShape shape, Conv2dAlgorithm algorithm, int width)
    {
        int elements = WinogradFilter.Elements(algorithm), panels = IntegerMath.DivideRoundUp(shape.K, width);
        int products = WinogradFilter.Terms(algorithm).Length * WinogradFilter.Terms(algorithm).Length;
        double panelFloats = (double)elements * shape.C * width;
        return new SimdWork(
            WinogradFilter.Tiles(shape, algorithm), panels,
            panelFloats + MacsPerTransformedFloat * products * width,
            MacsPerTransformedFloat * elements * shape.C,
            MacsPerPrefetchedFloat * panelFloats,
            MacsPerMemoryFloat * panels * panelFloats);
    }

    /// <summary>
    /// The fastest algorithm on two cores. The machine's number of cores is not used, because the bits of a network's results must not
    /// depend on it.
    /// </summary>
    public static Conv2dAlgorithm Fastest(in Conv2dShape shape, int lanes)
    {
        const int Groups = 2;
        int width = 2 * lanes;
        var fastest = Conv2dAlgorithm.Direct;
        SimdWork direct = Direct(shape, SimdPanels.Of(shape, lanes));
        double least = direct.Of(direct.Split(Groups));
        foreach (Conv2dAlgorithm algorithm in WinogradFilter.Algorithms)
        {
            if (!SimdWinograd.Fits(shape, algorithm, lanes)) continue;
            SimdWork work = Winograd(shape, algorithm, width);
            double macs = work.Of(work.Split(Groups));
            if (macs >= least) continue;
            least = macs;
            fastest = algorithm;
        }
        return fastest;
    }

    /// <summary>The grid with the least work of its busiest group.</summary>
    public SimdSplit Split(int groups)
    {
        var best = new SimdSplit(Pixels, Panels, 1, 1);
        double least = double.PositiveInfinity;
        for (int panelGroups = 1; panelGroups <= Math.Min(groups, Panels); panelGroups++)
        {
            var split = new SimdSplit(Pixels, Panels, groups / panelGroups, panelGroups);
            double macs = Of(split);
            if (macs >= least) continue;
            least = macs;
            best = split;
        }
        return best;
    }

    /// <summary>Work of the busiest group of a split.</summary>
    public double Of(in SimdSplit split)
    {
        double pixels = IntegerMath.DivideRoundUp(Pixels, split.PixelGroups), panels = IntegerMath.DivideRoundUp(Panels, split.PanelGroups);
        return pixels * panels * PerPixelAndPanel + pixels * PerPixel + panels * PerPanel + Shared;
    }
}
