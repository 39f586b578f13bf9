using System.Collections.Immutable;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>The pure half of the tiled family, for one GPU that may be there or not.</summary>
internal sealed class TiledPlanner : IFamilyPlanner
{
    private readonly int multiprocessors;

    /// <summary>For a device of which only the number of multiprocessors is known, such as a processor behind OpenCL.</summary>
    public TiledPlanner(int multiprocessors) => this.multiprocessors = multiprocessors;

    /// <summary>For a device whose numbers are known.</summary>
    public TiledPlanner(DeviceProfile profile)
        : this(profile.Multiprocessors) => CostModel = new TiledCostModel(profile);

    /// <inheritdoc/>
    public bool PrefersSingleImages => false;

    /// <inheritdoc/>
    public ICostModel? CostModel { get; }

    /// <inheritdoc/>
    public ImmutableArray<Conv2dMethod> Conv2dMethods(in Conv2dShape shape) => TiledConv2dMethods.Of(shape);

    /// <inheritdoc/>
    public Conv2dMethod FastestConv2d(in Conv2dShape shape, bool exact = false)
    {
        if (CostModel is not { } model) return TiledConv2dMethods.Fastest(shape, multiprocessors, exact);
        Conv2dShape convolution = shape;
        return model.Fastest(
            TiledConv2dMethods.Of(shape).Where(method => !exact || method.IsExact),
            method => model.OfConv2d(convolution, method, hasResidual: false));
    }

    /// <inheritdoc/>
    public long WorkspaceLength(in Conv2dShape shape, in Conv2dMethod method) => TiledConv2dMethods.WorkspaceLength(shape, method);

    /// <inheritdoc/>
    public int PackedFilterLength(in Conv2dShape shape, Conv2dAlgorithm algorithm = Conv2dAlgorithm.Direct)
    {
        TiledConv2dMethods.RequireAlgorithm(shape, algorithm);
        return PackedFilter.Length(shape, algorithm);
    }
}
