namespace IlgpuResNet.Kernels;

/// <summary>
/// The transform of filters for Winograd's F(m x m, 3x3): <c>U = G g Gᵀ</c> for each pair of an input and an output channel. Each element
/// of U multiplies the element of a tile's transformed input at its position. Computed in double and rounded once.
/// </summary>
/// <remarks>
/// <para>
/// A tile of stride 1 has (m + 2) x (m + 2) elements. With stride 2, in one dimension, the outputs
/// <c>y[i] = x[2i] g[0] + x[2i+1] g[1] + x[2i+2] g[2]</c> are F(2, 2) of the even pixels with taps 0 and 2, by the points 0, 1 and
/// infinity, plus the odd pixels times tap 1:
/// </para>
/// <code>
/// product 0:  (x[0] - x[2]) g[0] + x[1] g[1]        y[0] = product 0 + product 1
/// product 1:  x[2] (g[0] + g[2])                    y[1] = product 1 + product 2
/// product 2:  (x[4] - x[2]) g[2] + x[3] g[1]
/// </code>
/// <para>
/// So five elements make three products, whose terms are summed like channels; in two dimensions 25 elements make 9 products of 4, 2 or 1
/// terms each. The elements of a product lie together.
/// </para>
/// <para>
/// The interpolation points are 0, ±a, ±b and infinity (F(2x2): 0, ±1 and infinity). Any points give a correct algorithm; their choice
/// decides its rounding error. Over 128 channels of random values the relative L2 error of F(4x4) is 19.1e-7 with the usual ±1 and ±2,
/// 9.1e-7 with ±5/8 and ±3/2, and the error of direct convolution is 4.2e-7. All powers of these points by which the transforms multiply
/// are exact in float32.
/// </para>
/// </remarks>
internal static class WinogradFilter
{
    /// <summary>Height and width of the filters.</summary>
    public const int Taps = 3;

    /// <summary>The smaller point of F(4x4) that is not 0.</summary>
    public const float A = 0.625f;

    /// <summary>The larger finite point of F(4x4).</summary>
    public const float B = 1.5f;

    private static readonly double[,] F2 = MatrixOf([0, 1, -1]);
    private static readonly double[,] F4 = MatrixOf([0, A, -A, B, -B]);
    private static readonly double[,] Stride2 = { { 1, 0, 0 }, { 0, 1, 0 }, { 1, 0, 1 }, { 0, 0, 1 }, { 0, 1, 0 } };

    /// <summary>All algorithms but the direct one.</summary>
    public static ReadOnlySpan<Conv2dAlgorithm> Algorithms =>
        [Conv2dAlgorithm.WinogradF2, Conv2dAlgorithm.WinogradF4, Conv2dAlgorithm.WinogradStride2];

    /// <summary>Output rows and columns of a tile: m.</summary>
    public static int Outputs(Conv2dAlgorithm algorithm) => algorithm switch
    {
        Conv2dAlgorithm.WinogradF2 or Conv2dAlgorithm.WinogradStride2 => 2,
        Conv2dAlgorithm.WinogradF4 => 4,
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>The stride of the convolution: 1 or 2.</summary>
    public static int Stride(Conv2dAlgorithm algorithm) => algorithm is Conv2dAlgorithm.WinogradStride2 ? 2 : 1;

    /// <summary>Rows and columns of a transformed tile, and of its input pixels.</summary>
    public static int Side(Conv2dAlgorithm algorithm) => Matrix(algorithm).GetLength(0);

    /// <summary>Elements of a transformed tile.</summary>
    public static int Elements(Conv2dAlgorithm algorithm) => Side(algorithm) * Side(algorithm);

    /// <summary>For one dimension, the number of neighbouring elements that each product sums.</summary>
    public static ReadOnlySpan<int> Terms(Conv2dAlgorithm algorithm) => algorithm switch
    {
        Conv2dAlgorithm.WinogradF2 => [1, 1, 1, 1],
        Conv2dAlgorithm.WinogradF4 => [1, 1, 1, 1, 1, 1],
        Conv2dAlgorithm.WinogradStride2 => [2, 1, 2],
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>
    /// Writes the elements in the order in which they lie in memory, product after product, each as its number <c>row * side + column</c>.
    /// </summary>
    public static void Order(Conv2dAlgorithm algorithm, Span<int> elements)
    {
        ReadOnlySpan<int> terms = Terms(algorithm);
        int side = Side(algorithm), position = 0, firstRow = 0;
        foreach (int rows in terms)
        {
            int firstColumn = 0;
            foreach (int columns in terms)
            {
                for (int i = 0; i < rows; i++)
                    for (int j = 0; j < columns; j++) elements[position++] = (firstRow + i) * side + firstColumn + j;
                firstColumn += columns;
            }
            firstRow += rows;
        }
    }

    /// <summary>Number of tiles of the whole batch, including tiles that reach over the right and lower edge.</summary>
    public static int Tiles(in Conv2dShape shape, Conv2dAlgorithm algorithm)
    {
        int outputs = Outputs(algorithm);
        return checked(shape.N * IntegerMath.DivideRoundUp(shape.P, outputs) * IntegerMath.DivideRoundUp(shape.Q, outputs));
    }

    /// <summary>True when the algorithm can compute a convolution: 3x3 taps, its stride, dilation 1, one group.</summary>
    public static bool Fits(in Conv2dShape shape, Conv2dAlgorithm algorithm) =>
        shape is { R: Taps, S: Taps, DilationH: 1, DilationW: 1, Groups: 1 }
        && shape.StrideH == Stride(algorithm) && shape.StrideW == Stride(algorithm);

    /// <summary>The matrix G, <c>[side, 3]</c>.</summary>
    public static double[,] Matrix(Conv2dAlgorithm algorithm) => algorithm switch
    {
        Conv2dAlgorithm.WinogradF2 => F2,
        Conv2dAlgorithm.WinogradF4 => F4,
        Conv2dAlgorithm.WinogradStride2 => Stride2,
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>
    /// Row p of G evaluates the filter's polynomial at point p, divided by the product of p's distances to the other points (Lagrange). The
    /// row of infinity gives the polynomial's highest coefficient.
    /// </summary>
    private static double[,] MatrixOf(ReadOnlySpan<double> points)
    {
        double[,] matrix = new double[points.Length + 1, Taps];
        for (int i = 0; i < points.Length; i++)
        {
            double distances = 1;
            for (int j = 0; j < points.Length; j++)
                if (j != i) distances *= points[i] - points[j];
            for (int tap = 0; tap < Taps; tap++) matrix[i, tap] = Math.Pow(points[i], tap) / distances;
        }
        matrix[points.Length, Taps - 1] = 1;
        return matrix;
    }
}
