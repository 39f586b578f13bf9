using System.Runtime.InteropServices;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>One channel.</summary>
[StructLayout(LayoutKind.Sequential, Size = 4)]
internal struct Float1(float x) : IChannels<Float1>
{
    public float X = x;

    public static Float1 Zero => new(0f);

    public static Float1 Broadcast(float value) => new(value);

    public static Float1 Add(Float1 a, Float1 b) => new(a.X + b.X);

    public static Float1 Divide(Float1 a, float b) => new(a.X / b);

    public static Float1 Max(Float1 a, Float1 b) => new(FloatMath.Max(a.X, b.X));

    public static Float1 Finish(EpilogueBounds bounds, Float1 value, Float1 scale, Float1 shift, Float1 residual) =>
        new(bounds.Finish(value.X, scale.X, shift.X, residual.X));

    public static Float1 FinishActivated(
        Epilogue epilogue, Float1 value, Float1 scale, Float1 shift, Float1 residual, Float1 alpha) =>
        new(ActivatedEpilogue.Finish(epilogue, value.X, scale.X, shift.X, residual.X, alpha.X));

    public static Float1 Activate(Epilogue epilogue, Float1 value) =>
        new(ActivatedEpilogue.Activate(epilogue, value.X, epilogue.Alpha));

    public static Float1 Combine(int operation, Float1 a, Float1 b) => new(ActivatedEpilogue.Combine(operation, a.X, b.X));
}

/// <summary>Four neighbouring channels. The explicit size makes ILGPU move it as one 16-byte access.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct Float4(float x, float y, float z, float w) : IChannels<Float4>
{
    /// <summary>Channels in a <see cref="Float4"/>.</summary>
    public const int Width = 4;

    public float X = x;
    public float Y = y;
    public float Z = z;
    public float W = w;

    public static Float4 Zero => new(0f, 0f, 0f, 0f);

    public static Float4 Broadcast(float value) => new(value, value, value, value);

    public static Float4 Add(Float4 a, Float4 b) => new(a.X + b.X, a.Y + b.Y, a.Z + b.Z, a.W + b.W);

    public static Float4 Divide(Float4 a, float b) => new(a.X / b, a.Y / b, a.Z / b, a.W / b);

    public static Float4 Max(Float4 a, Float4 b) => new(
        FloatMath.Max(a.X, b.X), FloatMath.Max(a.Y, b.Y), FloatMath.Max(a.Z, b.Z), FloatMath.Max(a.W, b.W));

    public static Float4 Finish(EpilogueBounds bounds, Float4 value, Float4 scale, Float4 shift, Float4 residual) => new(
        bounds.Finish(value.X, scale.X, shift.X, residual.X),
        bounds.Finish(value.Y, scale.Y, shift.Y, residual.Y),
        bounds.Finish(value.Z, scale.Z, shift.Z, residual.Z),
        bounds.Finish(value.W, scale.W, shift.W, residual.W));

    public static Float4 FinishActivated(
        Epilogue epilogue, Float4 value, Float4 scale, Float4 shift, Float4 residual, Float4 alpha) => new(
        ActivatedEpilogue.Finish(epilogue, value.X, scale.X, shift.X, residual.X, alpha.X),
        ActivatedEpilogue.Finish(epilogue, value.Y, scale.Y, shift.Y, residual.Y, alpha.Y),
        ActivatedEpilogue.Finish(epilogue, value.Z, scale.Z, shift.Z, residual.Z, alpha.Z),
        ActivatedEpilogue.Finish(epilogue, value.W, scale.W, shift.W, residual.W, alpha.W));

    public static Float4 Activate(Epilogue epilogue, Float4 value) => new(
        ActivatedEpilogue.Activate(epilogue, value.X, epilogue.Alpha),
        ActivatedEpilogue.Activate(epilogue, value.Y, epilogue.Alpha),
        ActivatedEpilogue.Activate(epilogue, value.Z, epilogue.Alpha),
        ActivatedEpilogue.Activate(epilogue, value.W, epilogue.Alpha));

    public static Float4 Combine(int operation, Float4 a, Float4 b) => new(
        ActivatedEpilogue.Combine(operation, a.X, b.X),
        ActivatedEpilogue.Combine(operation, a.Y, b.Y),
        ActivatedEpilogue.Combine(operation, a.Z, b.Z),
        ActivatedEpilogue.Combine(operation, a.W, b.W));

    /// <summary>a + factor * b per channel, fused.</summary>
    public static Float4 MultiplyAdd(Float4 a, float factor, Float4 b) => new(
        FusedMultiplyAdd.Of(factor, b.X, a.X),
        FusedMultiplyAdd.Of(factor, b.Y, a.Y),
        FusedMultiplyAdd.Of(factor, b.Z, a.Z),
        FusedMultiplyAdd.Of(factor, b.W, a.W));

    /// <summary><paramref name="a"/> where the condition holds, else <paramref name="b"/>, without a branch.</summary>
    public static Float4 Select(bool condition, Float4 a, Float4 b) => new(
        condition ? a.X : b.X, condition ? a.Y : b.Y, condition ? a.Z : b.Z, condition ? a.W : b.W);

    /// <summary>The value where the condition holds, else zeros, without a branch.</summary>
    /// <remarks>The value is passed by value: through a reference the one 16-byte load would become four loads.</remarks>
    public static Float4 OrZero(bool condition, Float4 value) => new(
        condition ? value.X : 0f, condition ? value.Y : 0f, condition ? value.Z : 0f, condition ? value.W : 0f);
}
