using System.Collections.Immutable;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The pure half of a kernel family: the methods it has for a convolution, the memory each needs, and what it is expected to cost. It needs
/// no device, so a network can be planned for a GPU that is not there. Thread-safe.
/// </summary>
internal interface IFamilyPlanner
{
    /// <summary>
    /// True when the first layers of a batch finish sooner image by image, because the maps of one image stay in a processor's caches. A
    /// GPU needs enough images at a time to fill it.
    /// </summary>
    bool PrefersSingleImages { get; }

    /// <summary>Estimates what a step costs on the device; null when the device's numbers are not known.</summary>
    ICostModel? CostModel { get; }

    /// <summary>
    /// Every method that may be the fastest on some device, for a cost model or a stopwatch to choose from. Methods that are not
    /// <see cref="Conv2dMethod.IsExact"/> change the rounding errors.
    /// </summary>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    ImmutableArray<Conv2dMethod> Conv2dMethods(in Conv2dShape shape);

    /// <summary>
    /// The one of <see cref="Conv2dMethods"/> that is expected to be the fastest for a convolution by itself: without a residual, and with
    /// no tensor kept for a later step. It depends on the whole shape, the batch included.
    /// </summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="exact">True to choose only among methods that are <see cref="Conv2dMethod.IsExact"/>.</param>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    Conv2dMethod FastestConv2d(in Conv2dShape shape, bool exact = false);

    /// <summary>Number of floats that <see cref="IKernelFamily.Conv2d"/> needs for intermediate results, 0 for none.</summary>
    /// <exception cref="ArgumentException">The family cannot compute the convolution by this method.</exception>
    long WorkspaceLength(in Conv2dShape shape, in Conv2dMethod method);

    /// <summary>
    /// Number of floats that <see cref="IKernelFamily.PackFilter"/> writes. K, C, R, S and Groups decide it together with the algorithm;
    /// the size of the image and the batch do not.
    /// </summary>
    /// <exception cref="ArgumentException">The family cannot compute the convolution by this algorithm.</exception>
    int PackedFilterLength(in Conv2dShape shape, Conv2dAlgorithm algorithm = Conv2dAlgorithm.Direct);
}
