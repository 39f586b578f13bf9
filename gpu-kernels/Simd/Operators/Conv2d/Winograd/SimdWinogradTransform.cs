using System.Runtime.CompilerServices;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// The two-dimensional transforms of Winograd's F(m x m, 3x3), each over a vector of neighbouring channels: a one-dimensional transform of
/// the columns, whose results stay in registers, and then one of the rows. <see cref="WinogradFilter"/> describes the elements and
/// products.
/// </summary>
internal unsafe interface ISimdWinogradTransform
{
    /// <summary>The algorithm of these transforms.</summary>
    static abstract Conv2dAlgorithm Algorithm { get; }

    /// <summary>Rows and columns of a tile's input pixels, and of its elements.</summary>
    static abstract int Side { get; }

    /// <summary>Rows and columns of a tile's outputs: m.</summary>
    static abstract int Outputs { get; }

    /// <summary>Computes a tile's elements: Bᵀ d B.</summary>
    /// <param name="pixels">The input pixels, row by row.</param>
    /// <param name="channel">First of the channels.</param>
    /// <param name="elements">Receives the first element, the others <paramref name="stride"/> floats apart, row by row.</param>
    /// <param name="stride">Floats from element to element.</param>
    static abstract void Input<TLanes, TVector>(float** pixels, nint channel, float* elements, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct;

    /// <summary>Computes a tile's outputs: Aᵀ m A.</summary>
    /// <param name="products">The first product, the others <paramref name="stride"/> floats apart, row by row.</param>
    /// <param name="stride">Floats from product to product.</param>
    /// <param name="target">Receives the outputs.</param>
    static abstract void Output<TLanes, TVector>(float* products, nint stride, in SimdWinogradTarget<TLanes, TVector> target)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct;
}

/// <summary>F(2x2, 3x3) with the points 0, ±1 and infinity.</summary>
internal readonly unsafe struct SimdWinogradF2 : ISimdWinogradTransform
{
    public static Conv2dAlgorithm Algorithm => Conv2dAlgorithm.WinogradF2;

    public static int Side => 4;

    public static int Outputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<TLanes, TVector>(float** pixels, nint channel, float* elements, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        SimdFour<TVector> d0 = Row<TLanes, TVector>(pixels, channel), d1 = Row<TLanes, TVector>(pixels + 4, channel);
        SimdFour<TVector> d2 = Row<TLanes, TVector>(pixels + 8, channel), d3 = Row<TLanes, TVector>(pixels + 12, channel);
        Store<TLanes, TVector>(SimdFour<TVector>.Subtract<TLanes>(d2, d0), elements, stride);
        Store<TLanes, TVector>(SimdFour<TVector>.Add<TLanes>(d2, d1), elements + 4 * stride, stride);
        Store<TLanes, TVector>(SimdFour<TVector>.Subtract<TLanes>(d2, d1), elements + 8 * stride, stride);
        Store<TLanes, TVector>(SimdFour<TVector>.Subtract<TLanes>(d3, d1), elements + 12 * stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<TLanes, TVector>(float* products, nint stride, in SimdWinogradTarget<TLanes, TVector> target)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        SimdFour<TVector> m0 = Row<TLanes, TVector>(products, stride), m1 = Row<TLanes, TVector>(products + 4 * stride, stride);
        SimdFour<TVector> m2 = Row<TLanes, TVector>(products + 8 * stride, stride);
        SimdFour<TVector> m3 = Row<TLanes, TVector>(products + 12 * stride, stride);
        Store(SimdFour<TVector>.Add<TLanes>(m0, SimdFour<TVector>.Add<TLanes>(m1, m2)), target, 0);
        Store(SimdFour<TVector>.Add<TLanes>(SimdFour<TVector>.Subtract<TLanes>(m1, m2), m3), target, 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static SimdFour<TVector> Row<TLanes, TVector>(float** pixels, nint channel)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        new(
            TLanes.Load(pixels[0] + channel), TLanes.Load(pixels[1] + channel),
            TLanes.Load(pixels[2] + channel), TLanes.Load(pixels[3] + channel));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static SimdFour<TVector> Row<TLanes, TVector>(float* products, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        new(TLanes.Load(products), TLanes.Load(products + stride), TLanes.Load(products + 2 * stride), TLanes.Load(products + 3 * stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TLanes, TVector>(in SimdFour<TVector> d, float* elements, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TLanes.Store(TLanes.Subtract(d.Third, d.First), elements);
        TLanes.Store(TLanes.Add(d.Third, d.Second), elements + stride);
        TLanes.Store(TLanes.Subtract(d.Third, d.Second), elements + 2 * stride);
        TLanes.Store(TLanes.Subtract(d.Fourth, d.Second), elements + 3 * stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TLanes, TVector>(in SimdFour<TVector> m, in SimdWinogradTarget<TLanes, TVector> target, int row)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        target.Store(TLanes.Add(m.First, TLanes.Add(m.Second, m.Third)), row, 0);
        target.Store(TLanes.Add(TLanes.Subtract(m.Second, m.Third), m.Fourth), row, 1);
    }
}

/// <summary>F(4x4, 3x3) with the points 0, ±a, ±b and infinity of <see cref="WinogradFilter"/>.</summary>
internal readonly unsafe struct SimdWinogradF4 : ISimdWinogradTransform
{
    private const float A = WinogradFilter.A;
    private const float B = WinogradFilter.B;

    public static Conv2dAlgorithm Algorithm => Conv2dAlgorithm.WinogradF4;

    public static int Side => 6;

    public static int Outputs => 4;

    // Three rows of elements at a time: all six would take more registers than there are.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<TLanes, TVector>(float** pixels, nint channel, float* elements, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        SimdFour<TVector> c0 = UpperColumn<TLanes, TVector>(pixels, channel), c1 = UpperColumn<TLanes, TVector>(pixels + 1, channel);
        SimdFour<TVector> c2 = UpperColumn<TLanes, TVector>(pixels + 2, channel), c3 = UpperColumn<TLanes, TVector>(pixels + 3, channel);
        SimdFour<TVector> c4 = UpperColumn<TLanes, TVector>(pixels + 4, channel), c5 = UpperColumn<TLanes, TVector>(pixels + 5, channel);
        StoreRow<TLanes, TVector>(c0.First, c1.First, c2.First, c3.First, c4.First, c5.First, elements, stride);
        StoreRow<TLanes, TVector>(c0.Second, c1.Second, c2.Second, c3.Second, c4.Second, c5.Second, elements + 6 * stride, stride);
        StoreRow<TLanes, TVector>(c0.Third, c1.Third, c2.Third, c3.Third, c4.Third, c5.Third, elements + 12 * stride, stride);

        c0 = LowerColumn<TLanes, TVector>(pixels, channel);
        c1 = LowerColumn<TLanes, TVector>(pixels + 1, channel);
        c2 = LowerColumn<TLanes, TVector>(pixels + 2, channel);
        c3 = LowerColumn<TLanes, TVector>(pixels + 3, channel);
        c4 = LowerColumn<TLanes, TVector>(pixels + 4, channel);
        c5 = LowerColumn<TLanes, TVector>(pixels + 5, channel);
        StoreRow<TLanes, TVector>(c0.First, c1.First, c2.First, c3.First, c4.First, c5.First, elements + 18 * stride, stride);
        StoreRow<TLanes, TVector>(c0.Second, c1.Second, c2.Second, c3.Second, c4.Second, c5.Second, elements + 24 * stride, stride);
        StoreRow<TLanes, TVector>(c0.Third, c1.Third, c2.Third, c3.Third, c4.Third, c5.Third, elements + 30 * stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<TLanes, TVector>(float* products, nint stride, in SimdWinogradTarget<TLanes, TVector> target)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        SimdFour<TVector> c0 = OutputColumn<TLanes, TVector>(products, stride);
        SimdFour<TVector> c1 = OutputColumn<TLanes, TVector>(products + stride, stride);
        SimdFour<TVector> c2 = OutputColumn<TLanes, TVector>(products + 2 * stride, stride);
        SimdFour<TVector> c3 = OutputColumn<TLanes, TVector>(products + 3 * stride, stride);
        SimdFour<TVector> c4 = OutputColumn<TLanes, TVector>(products + 4 * stride, stride);
        SimdFour<TVector> c5 = OutputColumn<TLanes, TVector>(products + 5 * stride, stride);
        StoreOutputs(Sum<TLanes, TVector>(c0.First, c1.First, c2.First, c3.First, c4.First, c5.First), target, 0);
        StoreOutputs(Sum<TLanes, TVector>(c0.Second, c1.Second, c2.Second, c3.Second, c4.Second, c5.Second), target, 1);
        StoreOutputs(Sum<TLanes, TVector>(c0.Third, c1.Third, c2.Third, c3.Third, c4.Third, c5.Third), target, 2);
        StoreOutputs(Sum<TLanes, TVector>(c0.Fourth, c1.Fourth, c2.Fourth, c3.Fourth, c4.Fourth, c5.Fourth), target, 3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static SimdFour<TVector> UpperColumn<TLanes, TVector>(float** pixels, nint channel)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        Upper<TLanes, TVector>(
            TLanes.Load(pixels[0] + channel), TLanes.Load(pixels[6] + channel), TLanes.Load(pixels[12] + channel),
            TLanes.Load(pixels[18] + channel), TLanes.Load(pixels[24] + channel));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static SimdFour<TVector> LowerColumn<TLanes, TVector>(float** pixels, nint channel)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        Lower<TLanes, TVector>(
            TLanes.Load(pixels[6] + channel), TLanes.Load(pixels[12] + channel), TLanes.Load(pixels[18] + channel),
            TLanes.Load(pixels[24] + channel), TLanes.Load(pixels[30] + channel));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow<TLanes, TVector>(
        TVector d0, TVector d1, TVector d2, TVector d3, TVector d4, TVector d5, float* elements, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        SimdFour<TVector> upper = Upper<TLanes, TVector>(d0, d1, d2, d3, d4), lower = Lower<TLanes, TVector>(d1, d2, d3, d4, d5);
        TLanes.Store(upper.First, elements);
        TLanes.Store(upper.Second, elements + stride);
        TLanes.Store(upper.Third, elements + 2 * stride);
        TLanes.Store(lower.First, elements + 3 * stride);
        TLanes.Store(lower.Second, elements + 4 * stride);
        TLanes.Store(lower.Third, elements + 5 * stride);
    }

    /// <summary>
    /// Elements of the points 0, a and -a. Row p of Bᵀ holds the coefficients of the product of (x - q) over the finite points q other than
    /// p; the row of infinity holds those of the product over all finite points. The rows of p and -p share their even and odd part.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static SimdFour<TVector> Upper<TLanes, TVector>(TVector d0, TVector d1, TVector d2, TVector d3, TVector d4)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TVector minusB2 = TLanes.Broadcast(-B * B), even = TLanes.MultiplyAdd(d2, minusB2, d4), odd = TLanes.MultiplyAdd(d1, minusB2, d3);
        return new(
            TLanes.MultiplyAdd(d0, TLanes.Broadcast(A * A * B * B), TLanes.MultiplyAdd(d2, TLanes.Broadcast(-(A * A + B * B)), d4)),
            TLanes.MultiplyAdd(odd, TLanes.Broadcast(A), even),
            TLanes.MultiplyAdd(odd, TLanes.Broadcast(-A), even),
            default);
    }

    /// <summary>Elements of the points b, -b and infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static SimdFour<TVector> Lower<TLanes, TVector>(TVector d1, TVector d2, TVector d3, TVector d4, TVector d5)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TVector minusA2 = TLanes.Broadcast(-A * A), even = TLanes.MultiplyAdd(d2, minusA2, d4), odd = TLanes.MultiplyAdd(d1, minusA2, d3);
        return new(
            TLanes.MultiplyAdd(odd, TLanes.Broadcast(B), even),
            TLanes.MultiplyAdd(odd, TLanes.Broadcast(-B), even),
            TLanes.MultiplyAdd(d1, TLanes.Broadcast(A * A * B * B), TLanes.MultiplyAdd(d3, TLanes.Broadcast(-(A * A + B * B)), d5)),
            default);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static SimdFour<TVector> OutputColumn<TLanes, TVector>(float* products, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        Sum<TLanes, TVector>(
            TLanes.Load(products), TLanes.Load(products + 6 * stride), TLanes.Load(products + 12 * stride),
            TLanes.Load(products + 18 * stride), TLanes.Load(products + 24 * stride), TLanes.Load(products + 30 * stride));

    /// <summary>Output i is the sum over the points p of pⁱ m(p), the last one plus m(infinity).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static SimdFour<TVector> Sum<TLanes, TVector>(TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TVector evenA = TLanes.Add(m1, m2), oddA = TLanes.Subtract(m1, m2), evenB = TLanes.Add(m3, m4), oddB = TLanes.Subtract(m3, m4);
        return new(
            TLanes.Add(m0, TLanes.Add(evenA, evenB)),
            Combine<TLanes, TVector>(oddA, A, oddB, B),
            Combine<TLanes, TVector>(evenA, A * A, evenB, B * B),
            TLanes.Add(Combine<TLanes, TVector>(oddA, A * A * A, oddB, B * B * B), m5));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Combine<TLanes, TVector>(TVector left, float leftFactor, TVector right, float rightFactor)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        TLanes.MultiplyAdd(left, TLanes.Broadcast(leftFactor), TLanes.Multiply(right, TLanes.Broadcast(rightFactor)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreOutputs<TLanes, TVector>(in SimdFour<TVector> outputs, in SimdWinogradTarget<TLanes, TVector> target, int row)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        target.Store(outputs.First, row, 0);
        target.Store(outputs.Second, row, 1);
        target.Store(outputs.Third, row, 2);
        target.Store(outputs.Fourth, row, 3);
    }
}

/// <summary>
/// F(2x2, 3x3) of stride 2: F(2, 2) of the even pixels with the points 0, 1 and infinity, and the odd pixels without a transform.
/// </summary>
internal readonly unsafe struct SimdWinogradStride2 : ISimdWinogradTransform
{
    public static Conv2dAlgorithm Algorithm => Conv2dAlgorithm.WinogradStride2;

    public static int Side => 5;

    public static int Outputs => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input<TLanes, TVector>(float** pixels, nint channel, float* elements, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        StoreDifference<TLanes, TVector>(pixels, pixels + 10, channel, elements, stride);
        StoreRow<TLanes, TVector>(pixels + 5, channel, elements + 5 * stride, stride);
        StoreRow<TLanes, TVector>(pixels + 10, channel, elements + 10 * stride, stride);
        StoreDifference<TLanes, TVector>(pixels + 20, pixels + 10, channel, elements + 15 * stride, stride);
        StoreRow<TLanes, TVector>(pixels + 15, channel, elements + 20 * stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output<TLanes, TVector>(float* products, nint stride, in SimdWinogradTarget<TLanes, TVector> target)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        for (int row = 0; row < Outputs; row++, products += 3 * stride)
        {
            TVector first = TLanes.Add(TLanes.Load(products), TLanes.Load(products + 3 * stride));
            TVector shared = TLanes.Add(TLanes.Load(products + stride), TLanes.Load(products + 4 * stride));
            TVector last = TLanes.Add(TLanes.Load(products + 2 * stride), TLanes.Load(products + 5 * stride));
            target.Store(TLanes.Add(first, shared), row, 0);
            target.Store(TLanes.Add(shared, last), row, 1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow<TLanes, TVector>(float** pixels, nint channel, float* elements, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        StoreRow<TLanes, TVector>(
            TLanes.Load(pixels[0] + channel), TLanes.Load(pixels[1] + channel), TLanes.Load(pixels[2] + channel),
            TLanes.Load(pixels[3] + channel), TLanes.Load(pixels[4] + channel), elements, stride);

    /// <summary>Stores the elements of one row of pixels minus another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreDifference<TLanes, TVector>(float** pixels, float** less, nint channel, float* elements, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        StoreRow<TLanes, TVector>(
            TLanes.Subtract(TLanes.Load(pixels[0] + channel), TLanes.Load(less[0] + channel)),
            TLanes.Subtract(TLanes.Load(pixels[1] + channel), TLanes.Load(less[1] + channel)),
            TLanes.Subtract(TLanes.Load(pixels[2] + channel), TLanes.Load(less[2] + channel)),
            TLanes.Subtract(TLanes.Load(pixels[3] + channel), TLanes.Load(less[3] + channel)),
            TLanes.Subtract(TLanes.Load(pixels[4] + channel), TLanes.Load(less[4] + channel)), elements, stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow<TLanes, TVector>(TVector d0, TVector d1, TVector d2, TVector d3, TVector d4, float* elements, nint stride)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TLanes.Store(TLanes.Subtract(d0, d2), elements);
        TLanes.Store(d1, elements + stride);
        TLanes.Store(d2, elements + 2 * stride);
        TLanes.Store(TLanes.Subtract(d4, d2), elements + 3 * stride);
        TLanes.Store(d3, elements + 4 * stride);
    }
}
