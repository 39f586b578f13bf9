namespace IlgpuResNet.Tests;

/// <summary>Random inputs and the comparison of a result with its oracle, shared by the operators' tests.</summary>
internal static class TestData
{
    /// <summary>Distance from 1 to the next float: the unit of every tolerance.</summary>
    public const double Epsilon = 1.0 / (1 << 23);

    /// <summary>Values in [-1, 1).</summary>
    public static float[] Uniform(Random random, int length)
    {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) values[i] = random.NextSingle() * 2 - 1;
        return values;
    }

    public static T Pick<T>(Random random, params ReadOnlySpan<T> choices) => choices[random.Next(choices.Length)];

    public static double MaxMagnitude(ReadOnlySpan<float> values)
    {
        double max = 0;
        foreach (float value in values)
            if (Math.Abs(value) > max) max = Math.Abs(value);
        return max;
    }

    /// <summary>Fails at the first element that is off by more than the tolerance, or is NaN on one side alone.</summary>
    public static void AssertClose(double[] expected, float[] actual, double tolerance, string message) =>
        AssertClose(expected, actual, _ => tolerance, message);

    /// <summary>As above, with a tolerance that depends on the expected value.</summary>
    public static void AssertClose(double[] expected, float[] actual, Func<double, double> tolerance, string message)
    {
        Assert.HasCount(expected.Length, actual, message);
        for (int i = 0; i < expected.Length; i++)
        {
            double allowed = tolerance(expected[i]);
            bool matches = double.IsNaN(expected[i])
                ? float.IsNaN(actual[i])
                : expected[i] == actual[i] || Math.Abs(expected[i] - actual[i]) <= allowed;
            if (!matches) Assert.Fail($"{message}: element {i} is {actual[i]:R}, expected {expected[i]:R} within {allowed:E2}");
        }
    }

    /// <summary>Fails unless both hold the same bits.</summary>
    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string message)
    {
        Assert.AreEqual(expected.Length, actual.Length, message);
        for (int i = 0; i < expected.Length; i++)
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]))
                Assert.Fail($"{message}: element {i} is {actual[i]:R}, expected exactly {expected[i]:R}");
    }
}
