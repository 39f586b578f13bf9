using System.Collections.Immutable;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>The methods of the tiled family for a convolution. Pure: no device is needed.</summary>
internal static class TiledConv2dMethods
{
    /// <summary>
    /// Least number of elements of the reduction in a split: a shorter one would not pay, because each split loads its first slice while it
    /// has nothing to multiply, and stores as many sums as a longer one.
    /// </summary>
    private const int FewestElementsPerSplit = 64;

    /// <summary>Largest number of groups of a split product; no device of today runs more at the same time.</summary>
    private const int MostBlocksOfSplits = 2048;

    private const int MostSplits = 64;

    private static readonly ImmutableArray<Conv2dAlgorithm> Winograd = [Conv2dAlgorithm.WinogradF2, Conv2dAlgorithm.WinogradF4];

    /// <inheritdoc cref="IFamilyPlanner.Conv2dMethods"/>
    public static ImmutableArray<Conv2dMethod> Of(in Conv2dShape shape)
    {
        ImmutableArray<Conv2dMethod>.Builder methods = ImmutableArray.CreateBuilder<Conv2dMethod>();
        GemmShape direct = GemmShape.Of(shape, Conv2dAlgorithm.Direct);
        foreach (GemmTile tile in GemmTile.All)
        {
            if (!Fits(shape, tile)) continue;
            AddIfIndexed(methods, shape, new Conv2dMethod(Conv2dAlgorithm.Direct, tile));
            // 2, 3, 4, 6, 8, 12 and so on.
            for (int splits = 2; splits <= MostSplits; splits += splits % 3 == 0 ? splits / 3 : Math.Max(splits / 2, 1))
            {
                bool isTooShort = direct.SlicesPerSplit(tile, splits) * tile.K < FewestElementsPerSplit;
                if (isTooShort || direct.Blocks(tile, splits) > MostBlocksOfSplits) break;
                AddIfIndexed(methods, shape, new Conv2dMethod(Conv2dAlgorithm.Direct, tile, splits));
            }
            foreach (Conv2dAlgorithm algorithm in Winograd)
            {
                if (Fits(shape, algorithm)) AddIfIndexed(methods, shape, new Conv2dMethod(algorithm, tile));
            }
        }
        return methods.ToImmutable();
    }

    /// <summary>
    /// The fastest method on a device of which only the number of multiprocessors is known, by the estimate of <see cref="TiledWork"/>.
    /// Methods that partition K are left out: devices without a model are processors, on which the exchange of sums makes a layer take two
    /// to three times as long.
    /// </summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="multiprocessors">Multiprocessors of the device.</param>
    /// <param name="exact">True for a method that is <see cref="Conv2dMethod.IsExact"/>.</param>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    public static Conv2dMethod Fastest(in Conv2dShape shape, int multiprocessors, bool exact = false)
    {
        Conv2dShape convolution = shape;
        return Of(shape)
            .Where(method => method.Tile.PartitionsK == 1 && (!exact || method.IsExact))
            .MinBy(method => TiledWork.Of(convolution, method, multiprocessors));
    }

    /// <inheritdoc cref="IFamilyPlanner.WorkspaceLength"/>
    public static long WorkspaceLength(in Conv2dShape shape, in Conv2dMethod method)
    {
        Require(shape, method);
        GemmShape gemm = GemmShape.Of(shape, method.Algorithm);
        long sums = (long)gemm.M * PackedFilter.RoundUpToQuads(shape.K);
        if (method.Algorithm is not Conv2dAlgorithm.Direct) return gemm.Batches * ((long)gemm.M * gemm.K + sums);
        return PaddedInputLength(shape) + (method.Splits > 1 ? method.Splits * sums : 0);
    }

    /// <summary>
    /// Floats of the copy of the input with pixels of whole quads of channels; 0 where the input's pixels are whole quads.
    /// </summary>
    internal static long PaddedInputLength(in Conv2dShape shape) =>
        shape.C % Float4.Width == 0 ? 0 : shape.InputLength / shape.C * PackedFilter.RoundUpToQuads(shape.C);

    /// <summary>Refuses a method that no kernel computes.</summary>
    /// <exception cref="ArgumentException">
    /// The groups are not of equal size, the tile does not fit them, or the algorithm does not fit the filter.
    /// </exception>
    internal static void Require(in Conv2dShape shape, in Conv2dMethod method)
    {
        RequireAlgorithm(shape, method.Algorithm);
        bool splits = method.Splits == 1 || (method.Splits > 1 && method.Algorithm is Conv2dAlgorithm.Direct);
        if (!GemmTile.All.Contains(method.Tile) || !Fits(shape, method.Tile) || !splits)
            throw new ArgumentException(
                $"The tiled kernels do not compute {shape} by {method}; use one of {nameof(IFamilyPlanner.Conv2dMethods)}.");
    }

    /// <summary>Refuses an algorithm that does not fit the convolution.</summary>
    /// <exception cref="ArgumentException">The groups are not of equal size, or the algorithm does not fit the filter.</exception>
    internal static void RequireAlgorithm(in Conv2dShape shape, Conv2dAlgorithm algorithm)
    {
        if (!shape.HasEqualGroups) throw new ArgumentException(ChannelWindow.UnequalGroups(shape));
        if (algorithm is not Conv2dAlgorithm.Direct && !Fits(shape, algorithm))
            throw new ArgumentException(
                $"The tiled kernels do not compute {shape} by {algorithm}: that takes F(2x2) or F(4x4), 3x3 filters, stride 1, dilation 1, "
                + $"one group, and channels in whole slices of {GemmTile.LeastK}; use {nameof(Conv2dAlgorithm.Direct)}.");
    }

    /// <summary>Adds a method unless its workspace passes the 32-bit indexes of kernels, as it may with a large batch.</summary>
    private static void AddIfIndexed(ImmutableArray<Conv2dMethod>.Builder methods, in Conv2dShape shape, Conv2dMethod method)
    {
        if (WorkspaceLength(shape, method) <= int.MaxValue) methods.Add(method);
    }

    /// <summary>
    /// True when a tile fits the packed filter. The filter of a grouped convolution is packed for one tile; the filter of few output
    /// channels is too narrow for the wide tiles.
    /// </summary>
    private static bool Fits(in Conv2dShape shape, in GemmTile tile) =>
        shape.Groups > 1 ? tile == GemmTile.M64N32
        : tile.N <= PackedFilter.Columns(shape.K)
            && ImplicitGemmKernels.InputOf(shape) is var input && ImplicitGemmKernels.Exists(tile, input)
            && (input is GemmInput.Quads || PackedFilter.Window(shape).Length % tile.K == 0);

    private static bool Fits(in Conv2dShape shape, Conv2dAlgorithm algorithm) =>
        Winograd.Contains(algorithm) && WinogradFilter.Fits(shape, algorithm) && shape.C % GemmTile.LeastK == 0
        && (long)WinogradFilter.Elements(algorithm) * shape.C * PackedFilter.Columns(shape.K) <= int.MaxValue;
}
