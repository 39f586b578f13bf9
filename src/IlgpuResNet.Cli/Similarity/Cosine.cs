namespace IlgpuResNet.Cli.Similarity;

/// <summary>Cosine similarity of feature vectors.</summary>
internal static class Cosine
{
    /// <summary>Cosine of the angle between them, summed in double, -1 to 1; 0 where one is all zeros, NaN where one holds a NaN.</summary>
    public static double Of(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double product = 0, squareA = 0, squareB = 0;
        for (int i = 0; i < a.Length; i++)
        {
            product += (double)a[i] * b[i];
            squareA += (double)a[i] * a[i];
            squareB += (double)b[i] * b[i];
        }
        double scale = Math.Sqrt(squareA) * Math.Sqrt(squareB);
        return scale == 0 ? 0 : product / scale;
    }
}
