namespace IlgpuResNet.Kernels;

/// <summary>
/// Filters of Winograd's F(m x m, 3x3), transformed: <c>U = G g Gᵀ</c> for each pair of channels, elements
/// that multiply a tile's transformed input one by one. Computed in double and rounded once.
/// </summary>
/// <remarks>
/// <para>
/// A tile of stride 1 has (m + 2) x (m + 2) elements. In one dimension of stride 2 the outputs
/// <c>y[i] = x[2i] g[0] + x[2i+1] g[1] + x[2i+2] g[2]</c> are F(2, 2) of the even pixels with taps 0 and 2, by the points 0,
/// 1 and infinity, plus the odd pixels times tap 1:
/// </para>
/// <code>
/// product 0:  (x[0] - x[2]) g[0] + x[1] g[1]        y[0] = product 0 + product 1
/// product 1:  x[2] (g[0] + g[2])                    y[1] = product 1 + product 2
/// product 2:  (x[4] - x[2]) g[2] + x[3] g[1]
/// </code>
/// <para>
/// So five elements make three products, whose terms are summed like channels: in two dimensions 25 make 9, of 4, 2 or 1 terms each.
/// Elements lie product after product.
/// </para>
/// <para>
/// The interpolation points are 0, ±a, ±b and infinity (F(2x2): 0, ±1 and infinity). Any points give a right algorithm, and
/// their choice its error: over 128 channels of random values the relative L2 error of F(4x4) is 19.1e-7 with the usual
/// ±1 and ±2, 9.1e-7 with ±5/8 and ±3/2, and 4.2e-7 of direct convolution. All powers of these that the
/// transforms multiply by are exact in float32.
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
    public static ReadOnlySpan<Conv2dAlgorithm> Algorithms => [Conv2dAlgorithm.WinogradF2, Conv2dAlgorithm.WinogradF4, Conv2dAlgorithm.WinogradStride2];

    /// <summary>Output rows and columns of a tile: m.</summary>
    public static int Outputs(Conv2dAlgorithm algorithm) => algorithm switch
    {
        Conv2dAlgorithm.WinogradF2 or Conv2dAlgorithm.WinogradStride2 => 2,
        Conv2dAlgorithm.WinogradF4 => 4,
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>Rows and columns of input pixels from a tile's first to the next tile's first, divided by <see cref="Outputs"/>.</summary>
    public static int Stride(Conv2dAlgorithm algorithm) => algorithm is Conv2dAlgorithm.WinogradStride2 ? 2 : 1;

    /// <summary>Rows and columns of a transformed tile; as many of its input pixels.</summary>
    public static int Side(Conv2dAlgorithm algorithm) => Matrix(algorithm).GetLength(0);

    /// <summary>Elements of a transformed tile.</summary>
    public static int Elements(Conv2dAlgorithm algorithm) => Side(algorithm) * Side(algorithm);

    /// <summary>In one dimension, the neighbouring elements that each product sums.</summary>
    public static ReadOnlySpan<int> Terms(Conv2dAlgorithm algorithm) => algorithm switch
    {
        Conv2dAlgorithm.WinogradF2 => [1, 1, 1, 1],
        Conv2dAlgorithm.WinogradF4 => [1, 1, 1, 1, 1, 1],
        Conv2dAlgorithm.WinogradStride2 => [2, 1, 2],
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>
    /// The elements in the order in which they lie, product after product: receives for each the number <c>row * side + column</c>.
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

    /// <summary>Tiles of the whole batch, those that reach over the right and lower edge included.</summary>
    public static int Tiles(in Conv2dShape shape, Conv2dAlgorithm algorithm)
    {
        int outputs = Outputs(algorithm);
        return checked(shape.N * IntegerMath.DivideRoundUp(shape.P, outputs) * IntegerMath.DivideRoundUp(shape.Q, outputs));
    }

    /// <summary>True when a convolution can be computed so at all.</summary>
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
    /// Row p of G evaluates the filter's polynomial at point p, divided by the product of p's distances to the other points
    /// (Lagrange); the row of infinity is its highest coefficient.
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
