namespace IlgpuResNet.Kernels;

/// <summary>
/// What is done to an accumulator in registers before it is stored:
/// <c>v = acc * scale[k] + shift[k]; if ReluBeforeAdd: v = relu(v); if HasResidual: v += residual; if Relu: v = relu(v)</c>,
/// with <c>relu(v) = v &lt; 0 ? 0 : v</c>, so that a NaN stays visible as it does in PyTorch.
/// Blittable, so that kernels take it by value; the flags are ints because ILGPU does not pass bools.
/// </summary>
/// <param name="HasResidual">1 when a residual of the output's shape is added, else 0.</param>
/// <param name="ReluBeforeAdd">1 when a ReLU is applied before the residual is added, else 0.</param>
/// <param name="Relu">1 when a ReLU is applied last, else 0.</param>
public readonly record struct Epilogue(int HasResidual, int ReluBeforeAdd, int Relu)
{
    /// <summary>Scale and shift alone.</summary>
    public static Epilogue None => default;
}
