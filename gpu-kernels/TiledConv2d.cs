using System.Collections.Immutable;

namespace IlgpuResNet.Kernels;

/// <summary>What the tiled family can do for a convolution. Pure: no device is needed to ask.</summary>
public static class TiledConv2d
{
    /// <inheritdoc cref="IKernelFamily.Conv2dKernels"/>
    public static ImmutableArray<Conv2dKernel> Kernels(in Conv2dShape shape)
    {
        _ = PackedFilter.Window(shape);
        return [new Conv2dKernel(Conv2dAlgorithm.Direct, GemmTile.M64N64)];
    }

    /// <summary>A choice without a model of the device, whose number of multiprocessors alone counts.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="multiprocessors">Multiprocessors of the device.</param>
    /// <param name="exact">True for one that is <see cref="Conv2dKernel.IsExact"/>.</param>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    public static Conv2dKernel Fastest(in Conv2dShape shape, int multiprocessors, bool exact = false) => Kernels(shape)[0];

    /// <inheritdoc cref="IKernelFamily.WorkspaceLength"/>
    public static long WorkspaceLength(in Conv2dShape shape, in Conv2dKernel kernel) => 0;
}
