namespace IlgpuResNet.Kernels;

/// <summary>
/// An <see cref="Epilogue"/> as lower bounds: 0 where there is a ReLU, minus infinity where there is none, so that one formula
/// without branches serves all of them.
/// </summary>
internal struct EpilogueBounds(Epilogue epilogue)
{
    private readonly float beforeAdd = epilogue.ReluBeforeAdd != 0 ? 0f : float.NegativeInfinity;
    private readonly float last = epilogue.Relu != 0 ? 0f : float.NegativeInfinity;

    /// <summary>The formula of <see cref="Epilogue"/>; the residual is 0 where none is added.</summary>
    public readonly float Finish(float value, float scale, float shift, float residual) =>
        AtLeast(AtLeast(FusedMultiplyAdd.Of(value, scale, shift), beforeAdd) + residual, last);

    private static float AtLeast(float value, float bound) => value < bound ? bound : value;
}
