using System.Collections.Immutable;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>The pure half of the SIMD family, for vectors of some width.</summary>
/// <param name="lanes">Floats of a vector: 16, 8, 4 or 1.</param>
internal sealed class SimdPlanner(int lanes) : IFamilyPlanner
{
    /// <inheritdoc/>
    public bool PrefersSingleImages => true;

    /// <inheritdoc/>
    /// <remarks><see cref="SimdWork"/> compares algorithms with one another and knows no seconds.</remarks>
    public ICostModel? CostModel => null;

    /// <summary>
    /// For tests: the algorithm that is called the fastest wherever it can be used, however slow it is there; null for the fastest.
    /// </summary>
    internal Conv2dAlgorithm? Forced { get; set; }

    /// <inheritdoc/>
    public ImmutableArray<Conv2dMethod> Conv2dMethods(in Conv2dShape shape)
    {
        Require(shape, Conv2dAlgorithm.Direct);
        ImmutableArray<Conv2dMethod>.Builder methods = ImmutableArray.CreateBuilder<Conv2dMethod>();
        foreach (Conv2dAlgorithm algorithm in Enum.GetValues<Conv2dAlgorithm>())
        {
            if (Fits(shape, algorithm)) methods.Add(new Conv2dMethod(algorithm));
        }
        return methods.ToImmutable();
    }

    /// <inheritdoc/>
    public Conv2dMethod FastestConv2d(in Conv2dShape shape, bool exact = false)
    {
        Require(shape, Conv2dAlgorithm.Direct);
        if (exact) return new Conv2dMethod(Conv2dAlgorithm.Direct);
        if (Forced is { } forced) return new Conv2dMethod(Fits(shape, forced) ? forced : Conv2dAlgorithm.Direct);
        return new Conv2dMethod(SimdWork.Fastest(shape, lanes));
    }

    /// <inheritdoc/>
    /// <remarks>Each thread has scratch memory of its own.</remarks>
    public long WorkspaceLength(in Conv2dShape shape, in Conv2dMethod method)
    {
        Require(shape, method.Algorithm);
        return 0;
    }

    /// <inheritdoc/>
    public int PackedFilterLength(in Conv2dShape shape, Conv2dAlgorithm algorithm = Conv2dAlgorithm.Direct)
    {
        Require(shape, algorithm);
        return algorithm is Conv2dAlgorithm.Direct
            ? SimdFilter.PackedLength(shape, lanes)
            : (int)WinogradPanels.Length(shape, algorithm, 2 * lanes);
    }

    /// <summary>Why the family cannot compute a convolution by an algorithm, in one sentence; null when it can.</summary>
    public string? Refusal(in Conv2dShape shape, Conv2dAlgorithm algorithm)
    {
        if (!shape.HasEqualGroups) return ChannelWindow.UnequalGroups(shape);
        return Fits(shape, algorithm) ? null
            : $"{algorithm} computes 3x3 convolutions of stride {WinogradFilter.Stride(algorithm)}, dilation 1, one group and channels in "
                + $"whole vectors of {lanes}, not {shape}; use {nameof(Conv2dAlgorithm.Direct)}.";
    }

    private void Require(in Conv2dShape shape, Conv2dAlgorithm algorithm)
    {
        if (Refusal(shape, algorithm) is { } refusal) throw new ArgumentException(refusal);
    }

    private bool Fits(in Conv2dShape shape, Conv2dAlgorithm algorithm) =>
        algorithm is Conv2dAlgorithm.Direct || SimdWinograd.Fits(shape, algorithm, lanes);
}
