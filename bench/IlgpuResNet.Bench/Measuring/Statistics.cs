namespace IlgpuResNet.Bench;

/// <summary>Median and range of repeated measurements.</summary>
internal readonly record struct Statistics(double Median, double Min, double Max)
{
    /// <summary>Median and range of at least one value.</summary>
    public static Statistics Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        double median = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        return new Statistics(median, sorted[0], sorted[^1]);
    }
}
