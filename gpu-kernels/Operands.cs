using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>The device memory that one convolution or point-wise step works on.</summary>
/// <param name="Input">Activations <c>[N, H, W, C]</c>.</param>
/// <param name="Filter">The filter in the layout that <see cref="IKernelFamily.PackFilter"/> wrote; unused by point-wise steps.</param>
/// <param name="Scale">Factor of each output channel, <c>[K]</c>.</param>
/// <param name="Shift">Summand of each output channel, <c>[K]</c>.</param>
/// <param name="Residual">Summand of the output's shape. Read only when the epilogue adds a residual; otherwise it may be empty.</param>
/// <param name="Output">
/// Result <c>[N, P, Q, K]</c>. It may be the same memory as <paramref name="Residual"/>, but not as <paramref name="Input"/>.
/// </param>
internal readonly record struct Operands(
    ArrayView<float> Input,
    ArrayView<float> Filter,
    ArrayView<float> Scale,
    ArrayView<float> Shift,
    ArrayView<float> Residual,
    ArrayView<float> Output);
