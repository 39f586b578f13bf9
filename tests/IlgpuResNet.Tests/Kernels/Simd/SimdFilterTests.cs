using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Tests;

/// <summary>Packed filters, bit by bit against loops that follow the layout's definition.</summary>
[TestClass]
public sealed class SimdFilterTests
{
    [TestMethod]
    [DataRow(32, 16, 1)]
    [DataRow(64, 33, 1)]
    [DataRow(37, 5, 3)]
    [DataRow(70, 64, 3)]
    [DataRow(64, 3, 7)]
    [DataRow(1, 1, 1)]
    public void Direct_filters_are_panels_of_output_channels(int k, int c, int kernel)
    {
        Conv2dShape shape = Conv2dShape.Create(1, 9, 9, c, k, kernel, kernel, 2, kernel / 2);
        float[] filter = TestData.Uniform(new Random(k + c), k * shape.GemmK);
        foreach (int lanes in (ReadOnlySpan<int>)[1, 4, 8, 16])
        {
            int width = 2 * lanes;
            float[] packed = Unwritten(SimdFilter.PackedLength(shape, lanes)), expected = new float[packed.Length];
            SimdFilter.Pack(shape, lanes, filter, packed);
            for (int n = 0; n < k; n++)
                for (int i = 0; i < c; i++)
                    for (int tap = 0; tap < kernel * kernel; tap++)
                        expected[((n / width * kernel * kernel + tap) * c + i) * width + n % width] =
                            filter[(n * c + i) * kernel * kernel + tap];
            AssertBits(expected, packed, $"{shape}, {width} wide");
        }
    }

    [TestMethod]
    [DataRow(32, 16)]
    [DataRow(37, 48)]
    [DataRow(8, 32)]
    public void Winograd_filters_are_transformed_in_double_and_rounded_once(int k, int c)
    {
        foreach (Conv2dAlgorithm algorithm in WinogradFilter.Algorithms)
        {
            Conv2dShape shape = Conv2dShape.Create(1, 9, 9, c, k, 3, 3, WinogradFilter.Stride(algorithm), 1);
            float[] filter = TestData.Uniform(new Random(k + c), k * shape.GemmK);
            double[,] g = WinogradFilter.Matrix(algorithm);
            int side = g.GetLength(0);
            // With stride 2 the elements 0 and 1, and 3 and 4, of a row or column share a product.
            int[] order = algorithm is Conv2dAlgorithm.WinogradStride2
                ? [0, 1, 5, 6, 2, 7, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 20, 21, 17, 22, 18, 19, 23, 24]
                : [.. Enumerable.Range(0, side * side)];
            foreach (int width in (ReadOnlySpan<int>)[2, 8, 16, 32])
            {
                float[] packed = Unwritten((int)WinogradPanels.Length(shape, algorithm, width)), expected = new float[packed.Length];
                WinogradPanels.Pack(shape, algorithm, width, filter, packed);
                // Channels past the last are transformed too, from zeros.
                float[] whole = [.. filter, .. new float[packed.Length]];
                for (int n = 0; n < (k + width - 1) / width * width; n++)
                    for (int i = 0; i < c; i++)
                        for (int place = 0; place < side * side; place++)
                            expected[((n / width * side * side + place) * c + i) * width + n % width] =
                                (float)Element(g, whole.AsSpan((n * c + i) * 9, 9), order[place] / side, order[place] % side);
                AssertBits(expected, packed, $"{shape}, {algorithm}, {width} wide");
            }
        }
    }

    /// <summary>An element of G g Gᵀ, the products summed from left to right.</summary>
    private static double Element(double[,] g, ReadOnlySpan<float> taps, int row, int column)
    {
        double sum = 0;
        for (int s = 0; s < 3; s++)
        {
            double half = g[row, 0] * taps[s] + g[row, 1] * taps[3 + s] + g[row, 2] * taps[6 + s];
            sum = s == 0 ? g[column, 0] * half : sum + g[column, s] * half;
        }
        return sum;
    }

    private static float[] Unwritten(int length)
    {
        float[] values = new float[length];
        Array.Fill(values, float.NaN);
        return values;
    }

    private static void AssertBits(float[] expected, float[] actual, string message)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(BitConverter.SingleToInt32Bits(expected[i]), BitConverter.SingleToInt32Bits(actual[i]),
                $"{message}: element {i} is {actual[i]:R}, not {expected[i]:R}");
    }
}
