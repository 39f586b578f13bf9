namespace IlgpuResNet.Kernels;

/// <summary>One method to compute a convolution; <see cref="IFamilyPlanner.Conv2dMethods"/> lists the methods for a shape.</summary>
/// <param name="Algorithm">The algorithm.</param>
/// <param name="Tile">How the matrix product is cut into tiles; the default in a family that chooses its tiles itself.</param>
/// <param name="Splits">
/// Number of splits of the reduction, of about equal length, each with its own groups of threads, for products too small to fill the
/// device. The partial sums of several splits are added up in a workspace, always in the same order.
/// </param>
internal readonly record struct Conv2dMethod(Conv2dAlgorithm Algorithm, GemmTile Tile = default, int Splits = 1)
{
    /// <summary>True when each sum is made in the order of the definition, so that every tile gives the same bits.</summary>
    public bool IsExact => Algorithm is Conv2dAlgorithm.Direct && Splits <= 1 && Tile.PartitionsK <= 1;

    /// <inheritdoc/>
    public override string ToString() => $"{Algorithm} {Tile}{(Splits > 1 ? $" /{Splits}" : "")}";
}
