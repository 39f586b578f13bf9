using System.Runtime.CompilerServices;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>Up to six floats in registers: a row or a column of one of Winograd's tiles.</summary>
internal struct WinogradVector(float v0, float v1, float v2, float v3, float v4, float v5)
{
    public float V0 = v0;
    public float V1 = v1;
    public float V2 = v2;
    public float V3 = v3;
    public float V4 = v4;
    public float V5 = v5;
}

/// <summary>
/// The one-dimensional transforms of F(m, 3) for one channel, m + 2 numbers at a time; <see cref="WinogradFilter"/> has its points.
/// </summary>
internal interface IWinogradTransform
{
    /// <summary>Outputs of a row: m.</summary>
    static abstract int Outputs { get; }

    /// <summary>The product with Bᵀ: m + 2 from m + 2.</summary>
    static abstract WinogradVector Input(WinogradVector d);

    /// <summary>The product with Aᵀ: m from m + 2.</summary>
    static abstract WinogradVector Output(WinogradVector d);
}

/// <summary>F(2, 3) with the points 0, ±1 and infinity.</summary>
internal readonly struct WinogradF2 : IWinogradTransform
{
    public static int Outputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WinogradVector Input(WinogradVector d) => new(d.V2 - d.V0, d.V2 + d.V1, d.V2 - d.V1, d.V3 - d.V1, 0f, 0f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WinogradVector Output(WinogradVector d) => new(d.V0 + (d.V1 + d.V2), d.V1 - d.V2 + d.V3, 0f, 0f, 0f, 0f);
}

/// <summary>F(4, 3) with the points 0, ±a, ±b and infinity.</summary>
internal readonly struct WinogradF4 : IWinogradTransform
{
    private const float A = WinogradFilter.A;
    private const float B = WinogradFilter.B;

    public static int Outputs => 4;

    /// <summary>
    /// Row p of Bᵀ holds the coefficients of the product of (x - q) over the finite points q other than p; the row of infinity holds those
    /// of the product over all finite points. The rows of p and -p share their even and odd part.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WinogradVector Input(WinogradVector d)
    {
        float evenA = FusedMultiplyAdd.Of(d.V2, -B * B, d.V4), oddA = FusedMultiplyAdd.Of(d.V1, -B * B, d.V3);
        float evenB = FusedMultiplyAdd.Of(d.V2, -A * A, d.V4), oddB = FusedMultiplyAdd.Of(d.V1, -A * A, d.V3);
        return new WinogradVector(
            FusedMultiplyAdd.Of(d.V0, A * A * B * B, FusedMultiplyAdd.Of(d.V2, -(A * A + B * B), d.V4)),
            FusedMultiplyAdd.Of(oddA, A, evenA),
            FusedMultiplyAdd.Of(oddA, -A, evenA),
            FusedMultiplyAdd.Of(oddB, B, evenB),
            FusedMultiplyAdd.Of(oddB, -B, evenB),
            FusedMultiplyAdd.Of(d.V1, A * A * B * B, FusedMultiplyAdd.Of(d.V3, -(A * A + B * B), d.V5)));
    }

    /// <summary>Output i is the sum over the points p of pⁱ m(p), the last one plus m(infinity).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WinogradVector Output(WinogradVector d)
    {
        float evenA = d.V1 + d.V2, oddA = d.V1 - d.V2, evenB = d.V3 + d.V4, oddB = d.V3 - d.V4;
        return new WinogradVector(
            d.V0 + (evenA + evenB),
            FusedMultiplyAdd.Of(oddA, A, oddB * B),
            FusedMultiplyAdd.Of(evenA, A * A, evenB * (B * B)),
            FusedMultiplyAdd.Of(oddA, A * A * A, oddB * (B * B * B)) + d.V5,
            0f, 0f);
    }
}
