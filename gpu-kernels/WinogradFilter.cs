namespace IlgpuResNet.Kernels;

/// <summary>
/// Filters of Winograd's F(m x m, 3x3), transformed: <c>U = G g Gᵀ</c> for each pair of channels, (m + 2) x (m + 2) elements
/// that multiply a tile's transformed input one by one. Computed in double and rounded once.
/// </summary>
/// <remarks>
/// The interpolation points are 0, ±a, ±b and infinity (F(2x2): 0, ±1 and infinity). Any points give a right algorithm, and
/// their choice its error: over 128 channels of random values the relative L2 error of F(4x4) is 19.1e-7 with the usual
/// ±1 and ±2, 9.1e-7 with ±5/8 and ±3/2, and 4.2e-7 of direct convolution. All powers of these that the
/// transforms multiply by are exact in float32.
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

    /// <summary>Output rows and columns of a tile: m.</summary>
    public static int Outputs(Conv2dAlgorithm algorithm) => algorithm switch
    {
        Conv2dAlgorithm.WinogradF2 => 2,
        Conv2dAlgorithm.WinogradF4 => 4,
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>Elements of a transformed tile: (m + 2)².</summary>
    public static int Elements(Conv2dAlgorithm algorithm)
    {
        int side = Outputs(algorithm) + Taps - 1;
        return side * side;
    }

    /// <summary>Tiles of the whole batch, those that reach over the right and lower edge included.</summary>
    public static int Tiles(in Conv2dShape shape, Conv2dAlgorithm algorithm)
    {
        int outputs = Outputs(algorithm);
        return checked(shape.N * SimdSplit.DivideRoundUp(shape.P, outputs) * SimdSplit.DivideRoundUp(shape.Q, outputs));
    }

    /// <summary>True when a convolution can be computed so at all.</summary>
    public static bool Fits(in Conv2dShape shape) =>
        shape is { R: Taps, S: Taps, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1 };

    /// <summary>The matrix G, <c>[m + 2, 3]</c>.</summary>
    public static double[,] Matrix(Conv2dAlgorithm algorithm) => algorithm is Conv2dAlgorithm.WinogradF2 ? F2 : F4;

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
