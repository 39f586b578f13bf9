using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>How far rounding can take Winograd's convolution.</summary>
internal static class WinogradBound
{
    /// <summary>
    /// The largest factor by which |Aᵀ| (|G| 1 ⊙ |Bᵀ| 1) raises values of magnitude 1, squared for two dimensions: what the sum over
    /// a channel can reach where nothing cancels, as 9 is for the direct sum of its 9 products. 64 for F(2x2), 564 for F(4x4), 25
    /// with stride 2.
    /// </summary>
    public static double Amplification(Conv2dAlgorithm algorithm)
    {
        // Of the first output: (x0 - x2) g0 + x1 g1 + x2 (g0 + g2). The second is its mirror image.
        const double WithStride2 = 2 + 1 + 2;
        if (algorithm is Conv2dAlgorithm.WinogradStride2) return WithStride2 * WithStride2;
        double[] points = algorithm is Conv2dAlgorithm.WinogradF2 ? [0, 1, -1]
            : [0, WinogradFilter.A, -WinogradFilter.A, WinogradFilter.B, -WinogradFilter.B];
        double[,] g = WinogradFilter.Matrix(algorithm);
        double worst = 0;
        for (int output = 0; output < points.Length - 1; output++)
        {
            double sum = 0;
            for (int i = 0; i <= points.Length; i++)
            {
                double evaluated = Enumerable.Range(0, 3).Sum(tap => Math.Abs(g[i, tap]));
                double[] product = [1];
                for (int j = 0; j < points.Length; j++)
                    if (j != i) product = TimesRoot(product, points[j]);
                double power = i < points.Length ? Math.Pow(Math.Abs(points[i]), output) : output == points.Length - 2 ? 1 : 0;
                sum += power * evaluated * product.Sum(Math.Abs);
            }
            worst = Math.Max(worst, sum);
        }
        return worst * worst;
    }

    /// <summary>A polynomial, lowest coefficient first, times (x - root).</summary>
    private static double[] TimesRoot(double[] polynomial, double root) =>
        [.. Enumerable.Range(0, polynomial.Length + 1).Select(
            i => (i > 0 ? polynomial[i - 1] : 0) - (i < polynomial.Length ? root * polynomial[i] : 0))];
}
