namespace IlgpuResNet;

/// <summary>One kernel of a network on a device, compared with the processor's answer on the same numbers.</summary>
/// <param name="Operation">The operation, such as <c>conv 3x3/2</c> or <c>resize</c>.</param>
/// <param name="Shape">Its problem size.</param>
/// <param name="Method">How the device computes it: the algorithm and its tiles; empty where there is one way only.</param>
/// <param name="Error">Difference of the element that comes closest to its tolerance, or is farthest beyond it.</param>
/// <param name="Tolerance">Largest difference that rounding explains there; 0 where both must have the same bits.</param>
/// <param name="Failure">Why the kernel has failed, as a sentence; null when it has passed.</param>
public sealed record KernelTest(string Operation, string Shape, string Method, double Error, double Tolerance, string? Failure)
{
    /// <summary>True when every element is within its tolerance.</summary>
    public bool Passed => Failure is null;

    /// <summary>Compares element by element; two NaNs are equal.</summary>
    internal static KernelTest Compare(
        string operation, string shape, string method, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual,
        Func<float, double> tolerance)
    {
        (double worst, int at, int beyond) = (-1, 0, 0);
        for (int i = 0; i < expected.Length; i++)
        {
            double error = ErrorOf(expected[i], actual[i]), allowed = tolerance(expected[i]);
            double share = error == 0 ? 0 : error / allowed;
            if (!(share <= 1)) beyond++;
            if (share > worst || double.IsNaN(share)) (worst, at) = (double.IsNaN(share) ? double.PositiveInfinity : share, i);
        }
        double limit = tolerance(expected[at]);
        string? failure = beyond == 0 ? null
            : FormattableString.Invariant(
                $"{beyond} of {expected.Length} elements are wrong; element {at} is {actual[at]:R}, the processor's {expected[at]:R}.");
        return new KernelTest(operation, shape, method, ErrorOf(expected[at], actual[at]), limit, failure);
    }

    private static double ErrorOf(float expected, float actual) =>
        expected.Equals(actual) ? 0
        : double.IsFinite(expected) && double.IsFinite(actual) ? Math.Abs((double)expected - actual)
        : double.PositiveInfinity;
}
