namespace IlgpuResNet.Kernels;

/// <summary>
/// The problem size of a selection along the middle axis of <c>[Rows, First, Inner]</c>, joined with <c>[Rows, Second, Inner]</c>; the
/// result is <c>[Rows, Length, Inner]</c>. Blittable, so that kernels take it by value.
/// </summary>
/// <param name="Rows">Elements of the outer axes, the batch included.</param>
/// <param name="First">Elements of the middle axis in the first input.</param>
/// <param name="Second">Elements of the middle axis in the second input, 0 for no second input.</param>
/// <param name="Length">Elements of the middle axis in the result.</param>
/// <param name="Inner">Elements of the inner axes, which are copied together.</param>
/// <param name="Value">Value where the index is negative.</param>
internal readonly record struct SelectShape(int Rows, int First, int Second, int Length, int Inner, float Value);
