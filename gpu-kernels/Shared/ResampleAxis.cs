using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>The weights of one axis of a resize, in device memory.</summary>
/// <param name="Bounds">For each output its first input and its number of inputs: <c>[count, 2]</c>.</param>
/// <param name="Weights">Fixed-point weights of <see cref="FixedPoint.FractionBits"/> fractional bits: <c>[count, MaxTaps]</c>.</param>
/// <param name="MaxTaps">Largest number of inputs of any output.</param>
/// <param name="Start">The input that is the first one in memory.</param>
internal readonly record struct ResampleAxis(ArrayView<int> Bounds, ArrayView<int> Weights, int MaxTaps, int Start);
