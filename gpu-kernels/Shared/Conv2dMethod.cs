namespace IlgpuResNet.Kernels;

/// <summary>One way to compute a convolution, as <see cref="IFamilyPlanner.Conv2dMethods"/> lists them for a shape.</summary>
/// <param name="Algorithm">What is multiplied.</param>
/// <param name="Tile">How its matrix product is cut up; of no size where the family needs no telling.</param>
/// <param name="Splits">
/// Parts of about equal length that the reduction falls into, each with groups of threads of its own, for products too small to fill the
/// device. More than 1 add their partial sums up in a workspace, always in the same order.
/// </param>
internal readonly record struct Conv2dMethod(Conv2dAlgorithm Algorithm, GemmTile Tile = default, int Splits = 1)
{
    /// <summary>True when each sum is made in the order of the definition, so that it has the same bits whatever the tile.</summary>
    public bool IsExact => Algorithm is Conv2dAlgorithm.Direct && Splits <= 1 && Tile.PartitionsK <= 1;

    /// <inheritdoc/>
    public override string ToString() => $"{Algorithm} {Tile}{(Splits > 1 ? $" /{Splits}" : "")}";
}
