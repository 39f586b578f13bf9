namespace IlgpuResNet.Kernels;

/// <summary>
/// The operations on an accumulator in registers before it is stored:
/// <c>v = acc * scale[k] + shift[k]; if ReluBeforeAdd: v = relu(v); if HasResidual: v += residual; if Relu: v = relu(v);
/// v = activation(v); if HasClip: v = clip(v)</c>, with <c>relu(v) = v &lt; 0 ? 0 : v</c>. <c>clip(v)</c> first raises v to ClipMin, then
/// lowers it to ClipMax
/// (ONNX Clip, <c>numpy.clip</c>: where ClipMin is above ClipMax, every value becomes ClipMax). A NaN stays a NaN, as in PyTorch.
/// Blittable, so that kernels take it by value; the flags are ints because ILGPU does not pass bools.
/// </summary>
/// <param name="HasResidual">1 when a residual of the output's shape is added, else 0.</param>
/// <param name="ReluBeforeAdd">1 when a ReLU is applied before the residual is added, else 0.</param>
/// <param name="Relu">1 when a ReLU is applied after the residual is added, else 0.</param>
/// <param name="HasClip">1 when the result is clipped, else 0; ReLU6 is a clip to 0..6.</param>
/// <param name="ClipMin">Lower bound; minus infinity for none.</param>
/// <param name="ClipMax">Upper bound; infinity for none.</param>
/// <param name="Activation">Code of an <see cref="Kernels.Activation"/>, 0 for none.</param>
/// <param name="Alpha">First parameter of the activation.</param>
/// <param name="Beta">Second parameter of the activation.</param>
internal readonly record struct Epilogue(
    int HasResidual, int ReluBeforeAdd, int Relu, int HasClip = 0, float ClipMin = 0, float ClipMax = 0,
    int Activation = 0, float Alpha = 0, float Beta = 0)
{
    /// <summary>The part before the activation: what kernels compute that know of none.</summary>
    public Epilogue WithoutActivation() => new(HasResidual, ReluBeforeAdd, Relu);

    /// <summary>The part from the activation on, for a value that has been stored.</summary>
    public Epilogue OnlyActivation() => this with { HasResidual = 0, ReluBeforeAdd = 0, Relu = 0 };

    /// <summary>Only scale and shift.</summary>
    public static Epilogue None => default;
}
