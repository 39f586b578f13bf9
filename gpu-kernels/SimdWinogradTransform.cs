using System.Runtime.CompilerServices;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The one-dimensional transforms of Winograd's F(m, 3), each over vectors of neighbouring channels. Applied to the rows of a
/// tile and then to the columns of the result they are the two-dimensional ones. <see cref="WinogradFilter"/> says what elements
/// and products there are.
/// </summary>
internal unsafe interface ISimdWinogradTransform
{
    /// <summary>What these are the transforms of.</summary>
    static abstract Conv2dAlgorithm Algorithm { get; }

    /// <summary>Input pixels, and elements made of them.</summary>
    static abstract int Side { get; }

    /// <summary>Outputs: m.</summary>
    static abstract int Outputs { get; }

    /// <summary>Makes elements of pixels: multiplies the vectors by Bᵀ. The vectors are read at <paramref name="channel"/> of each pixel.</summary>
    static abstract void Input<TLanes, TVector>(float** pixels, nint channel, float* destination, nint destinationStride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct;

    /// <summary>The same of vectors <paramref name="sourceStride"/> floats apart.</summary>
    static abstract void Input<TLanes, TVector>(float* source, nint sourceStride, float* destination, nint destinationStride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct;

    /// <summary>Makes outputs of products: multiplies the vectors by Aᵀ.</summary>
    static abstract void Output<TLanes, TVector>(float* source, nint sourceStride, float* destination, nint destinationStride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct;
}

/// <summary>F(2, 3) with the points 0, ±1 and infinity.</summary>
internal readonly unsafe struct SimdWinogradF2 : ISimdWinogradTransform
{
    public static Conv2dAlgorithm Algorithm => Conv2dAlgorithm.WinogradF2;

    public static int Side => 4;

    public static int Outputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<TLanes, TVector>(float** pixels, nint channel, float* destination, nint destinationStride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        Input<TLanes, TVector>(
            TLanes.Load(pixels[0] + channel), TLanes.Load(pixels[1] + channel), TLanes.Load(pixels[2] + channel), TLanes.Load(pixels[3] + channel),
            destination, destinationStride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<TLanes, TVector>(float* source, nint sourceStride, float* destination, nint destinationStride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        Input<TLanes, TVector>(
            TLanes.Load(source), TLanes.Load(source + sourceStride), TLanes.Load(source + 2 * sourceStride), TLanes.Load(source + 3 * sourceStride),
            destination, destinationStride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<TLanes, TVector>(float* source, nint sourceStride, float* destination, nint destinationStride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TVector m1 = TLanes.Load(source + sourceStride), m2 = TLanes.Load(source + 2 * sourceStride);
        TLanes.Store(TLanes.Add(TLanes.Load(source), TLanes.Add(m1, m2)), destination);
        TLanes.Store(TLanes.Add(TLanes.Subtract(m1, m2), TLanes.Load(source + 3 * sourceStride)), destination + destinationStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Input<TLanes, TVector>(TVector d0, TVector d1, TVector d2, TVector d3, float* destination, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TLanes.Store(TLanes.Subtract(d2, d0), destination);
        TLanes.Store(TLanes.Add(d2, d1), destination + stride);
        TLanes.Store(TLanes.Subtract(d2, d1), destination + 2 * stride);
        TLanes.Store(TLanes.Subtract(d3, d1), destination + 3 * stride);
    }
}

/// <summary>F(4, 3) with the points 0, ±a, ±b and infinity of <see cref="WinogradFilter"/>.</summary>
internal readonly unsafe struct SimdWinogradF4 : ISimdWinogradTransform
{
    private const float A = WinogradFilter.A;
    private const float B = WinogradFilter.B;

    public static Conv2dAlgorithm Algorithm => Conv2dAlgorithm.WinogradF4;

    public static int Side => 6;

    public static int Outputs => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<TLanes, TVector>(float** pixels, nint channel, float* destination, nint destinationStride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        Input<TLanes, TVector>(
            TLanes.Load(pixels[0] + channel), TLanes.Load(pixels[1] + channel), TLanes.Load(pixels[2] + channel),
            TLanes.Load(pixels[3] + channel), TLanes.Load(pixels[4] + channel), TLanes.Load(pixels[5] + channel),
            destination, destinationStride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<TLanes, TVector>(float* source, nint sourceStride, float* destination, nint destinationStride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        Input<TLanes, TVector>(
            TLanes.Load(source), TLanes.Load(source + sourceStride), TLanes.Load(source + 2 * sourceStride),
            TLanes.Load(source + 3 * sourceStride), TLanes.Load(source + 4 * sourceStride), TLanes.Load(source + 5 * sourceStride),
            destination, destinationStride);

    /// <summary>Output i is the sum over the points p of pⁱ m(p), the last one plus m(infinity).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<TLanes, TVector>(float* source, nint sourceStride, float* destination, nint destinationStride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TVector m1 = TLanes.Load(source + sourceStride), m2 = TLanes.Load(source + 2 * sourceStride);
        TVector m3 = TLanes.Load(source + 3 * sourceStride), m4 = TLanes.Load(source + 4 * sourceStride);
        TVector evenA = TLanes.Add(m1, m2), oddA = TLanes.Subtract(m1, m2);
        TVector evenB = TLanes.Add(m3, m4), oddB = TLanes.Subtract(m3, m4);
        TLanes.Store(TLanes.Add(TLanes.Load(source), TLanes.Add(evenA, evenB)), destination);
        TLanes.Store(Combine<TLanes, TVector>(oddA, A, oddB, B), destination + destinationStride);
        TLanes.Store(Combine<TLanes, TVector>(evenA, A * A, evenB, B * B), destination + 2 * destinationStride);
        TLanes.Store(
            TLanes.Add(Combine<TLanes, TVector>(oddA, A * A * A, oddB, B * B * B), TLanes.Load(source + 5 * sourceStride)),
            destination + 3 * destinationStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Combine<TLanes, TVector>(TVector left, float leftFactor, TVector right, float rightFactor)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        TLanes.MultiplyAdd(left, TLanes.Broadcast(leftFactor), TLanes.Multiply(right, TLanes.Broadcast(rightFactor)));

    /// <summary>
    /// Row p of Bᵀ holds the coefficients of the product of (x - q) over the finite points q other than p, that of infinity over
    /// all finite points. Rows of p and -p share their even and odd part.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Input<TLanes, TVector>(
        TVector d0, TVector d1, TVector d2, TVector d3, TVector d4, TVector d5, float* destination, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TVector minusA2 = TLanes.Broadcast(-A * A), minusB2 = TLanes.Broadcast(-B * B);
        TVector minusSum = TLanes.Broadcast(-(A * A + B * B)), product = TLanes.Broadcast(A * A * B * B);
        TVector evenA = TLanes.MultiplyAdd(d2, minusB2, d4), oddA = TLanes.MultiplyAdd(d1, minusB2, d3);
        TVector evenB = TLanes.MultiplyAdd(d2, minusA2, d4), oddB = TLanes.MultiplyAdd(d1, minusA2, d3);
        TLanes.Store(TLanes.MultiplyAdd(d0, product, TLanes.MultiplyAdd(d2, minusSum, d4)), destination);
        TLanes.Store(TLanes.MultiplyAdd(oddA, TLanes.Broadcast(A), evenA), destination + stride);
        TLanes.Store(TLanes.MultiplyAdd(oddA, TLanes.Broadcast(-A), evenA), destination + 2 * stride);
        TLanes.Store(TLanes.MultiplyAdd(oddB, TLanes.Broadcast(B), evenB), destination + 3 * stride);
        TLanes.Store(TLanes.MultiplyAdd(oddB, TLanes.Broadcast(-B), evenB), destination + 4 * stride);
        TLanes.Store(TLanes.MultiplyAdd(d1, product, TLanes.MultiplyAdd(d3, minusSum, d5)), destination + 5 * stride);
    }
}

/// <summary>F(2, 3) of stride 2: F(2, 2) of the even pixels with the points 0, 1 and infinity, and the odd pixels as they are.</summary>
internal readonly unsafe struct SimdWinogradStride2 : ISimdWinogradTransform
{
    public static Conv2dAlgorithm Algorithm => Conv2dAlgorithm.WinogradStride2;

    public static int Side => 5;

    public static int Outputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<TLanes, TVector>(float** pixels, nint channel, float* destination, nint destinationStride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        Input<TLanes, TVector>(
            TLanes.Load(pixels[0] + channel), TLanes.Load(pixels[1] + channel), TLanes.Load(pixels[2] + channel),
            TLanes.Load(pixels[3] + channel), TLanes.Load(pixels[4] + channel),
            destination, destinationStride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<TLanes, TVector>(float* source, nint sourceStride, float* destination, nint destinationStride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        Input<TLanes, TVector>(
            TLanes.Load(source), TLanes.Load(source + sourceStride), TLanes.Load(source + 2 * sourceStride),
            TLanes.Load(source + 3 * sourceStride), TLanes.Load(source + 4 * sourceStride),
            destination, destinationStride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<TLanes, TVector>(float* source, nint sourceStride, float* destination, nint destinationStride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TVector shared = TLanes.Load(source + sourceStride);
        TLanes.Store(TLanes.Add(TLanes.Load(source), shared), destination);
        TLanes.Store(TLanes.Add(shared, TLanes.Load(source + 2 * sourceStride)), destination + destinationStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Input<TLanes, TVector>(TVector d0, TVector d1, TVector d2, TVector d3, TVector d4, float* destination, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TLanes.Store(TLanes.Subtract(d0, d2), destination);
        TLanes.Store(d1, destination + stride);
        TLanes.Store(d2, destination + 2 * stride);
        TLanes.Store(TLanes.Subtract(d4, d2), destination + 3 * stride);
        TLanes.Store(d3, destination + 4 * stride);
    }
}
