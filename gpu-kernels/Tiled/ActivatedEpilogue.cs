namespace IlgpuResNet.Kernels.Tiled;

/// <summary>The whole <see cref="Epilogue"/>, its activation included, for kernels that only move memory.</summary>
internal static class ActivatedEpilogue
{
    /// <summary>Computes the formula of <see cref="Epilogue"/>; the residual is 0 where none is added.</summary>
    public static float Finish(Epilogue epilogue, float value, float scale, float shift, float residual, float alpha) =>
        Activate(epilogue, new EpilogueBounds(epilogue.WithoutActivation()).Finish(value, scale, shift, residual), alpha);

    /// <summary>The activation and the clip after it.</summary>
    public static float Activate(Epilogue epilogue, float value, float alpha)
    {
        float result = Activation.Of(epilogue.Activation, alpha, epilogue.Beta, value);
        if (epilogue.HasClip == 0) return result;
        float raised = result < epilogue.ClipMin ? epilogue.ClipMin : result;
        return raised > epilogue.ClipMax ? epilogue.ClipMax : raised;
    }

    /// <summary>One of <see cref="CombineOperation"/>.</summary>
    public static float Combine(int operation, float a, float b) =>
        operation == CombineOperation.Multiply ? a * b : operation == CombineOperation.Divide ? a / b : a + b;
}
