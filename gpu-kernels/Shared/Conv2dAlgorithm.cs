namespace IlgpuResNet.Kernels;

/// <summary>
/// The algorithm of a convolution. F(m x m, 3x3) is Winograd's minimal filtering (Lavin and Gray 2016, "Fast algorithms for
/// convolutional neural networks", arXiv:1509.09308): m x m outputs from (m + 2) x (m + 2) products per channel instead of 9 m².
/// </summary>
internal enum Conv2dAlgorithm
{
    /// <summary>Every product of the definition.</summary>
    Direct,

    /// <summary>F(2x2, 3x3): 16 products for 36. For 3x3 filters of stride 1, dilation 1 and one group.</summary>
    WinogradF2,

    /// <summary>F(4x4, 3x3): 36 products for 144. For 3x3 filters of stride 1, dilation 1 and one group.</summary>
    WinogradF4,

    /// <summary>
    /// F(2x2, 3x3) of stride 2: 25 products for 36. The middle tap meets every other pixel; the outer two taps meet the other pixels, as a
    /// filter of two taps and stride 1. For 3x3 filters of stride 2, dilation 1 and one group.
    /// </summary>
    WinogradStride2,
}
