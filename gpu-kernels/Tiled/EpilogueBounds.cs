namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// An <see cref="Epilogue"/> as bounds, which are infinite where there is no ReLU and no clip, so that one formula without branches
/// computes every epilogue.
/// </summary>
internal struct EpilogueBounds(Epilogue epilogue)
{
    private readonly float beforeAdd = LowerBound(epilogue.ReluBeforeAdd);

    // A ReLU followed by the clip's lower bound is one lower bound.
    private readonly float lower = AtLeast(LowerBound(epilogue.Relu), epilogue.HasClip != 0 ? epilogue.ClipMin : float.NegativeInfinity);
    private readonly float upper = epilogue.HasClip != 0 ? epilogue.ClipMax : float.PositiveInfinity;

    /// <summary>Computes the formula of <see cref="Epilogue"/>; the residual is 0 where none is added.</summary>
    public readonly float Finish(float value, float scale, float shift, float residual) =>
        AtMost(AtLeast(AtLeast(FusedMultiplyAdd.Of(value, scale, shift), beforeAdd) + residual, lower), upper);

    private static float LowerBound(int relu) => relu != 0 ? 0f : float.NegativeInfinity;

    private static float AtLeast(float value, float bound) => value < bound ? bound : value;

    private static float AtMost(float value, float bound) => value > bound ? bound : value;
}
