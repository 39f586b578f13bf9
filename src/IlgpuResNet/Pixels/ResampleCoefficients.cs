namespace IlgpuResNet.Pixels;

/// <summary>
/// The weights of one axis of an antialiased resize, exactly as Pillow computes them
/// (<c>precompute_coeffs</c> and <c>normalize_coeffs_8bpc</c> of its <c>Resample.c</c>): in double, in the same order,
/// then rounded to integers of <see cref="PrecisionBits"/> fractional bits. With them the whole resize is integer
/// arithmetic and has one result on every machine:
/// <c>out = clip8((2^(PrecisionBits - 1) + sum(pixel * weight)) >> PrecisionBits)</c>.
/// </summary>
internal sealed class ResampleCoefficients
{
    /// <summary>Fractional bits of a weight: 8 for the pixel and 2 for the overshoot of negative lobes are left of an int.</summary>
    public const int PrecisionBits = 32 - 8 - 2;

    private ResampleCoefficients(int[] bounds, int[] weights, int maxTaps)
    {
        Bounds = bounds;
        Weights = weights;
        MaxTaps = maxTaps;
    }

    /// <summary>Per output pixel the first input pixel it reads and how many: <c>[count, 2]</c>.</summary>
    public int[] Bounds { get; }

    /// <summary>Fixed-point weights <c>[count, MaxTaps]</c>; those behind an output's number of pixels are zero.</summary>
    public int[] Weights { get; }

    /// <summary>The most input pixels that any output reads.</summary>
    public int MaxTaps { get; }

    /// <summary>The first input pixel that any output reads.</summary>
    public int InputStart => Bounds[0];

    /// <summary>One past the last input pixel that any output reads.</summary>
    public int InputEnd => Bounds[^2] + Bounds[^1];

    /// <summary>Computes the weights of some consecutive output pixels of one axis.</summary>
    /// <param name="inputSize">Input pixels on the axis, at least 1.</param>
    /// <param name="outputSize">Output pixels on the axis, at least 1. When equal to the input the axis is copied, as Pillow skips it.</param>
    /// <param name="start">The first output pixel wanted.</param>
    /// <param name="count">How many, at least 1.</param>
    /// <param name="interpolation">The filter.</param>
    public static ResampleCoefficients Create(int inputSize, int outputSize, int start, int count, Interpolation interpolation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inputSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(start, 0);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, outputSize - start);
        if (inputSize == outputSize) return Identity(start, count);

        double scale = (double)inputSize / outputSize;
        double filterScale = Math.Max(scale, 1.0);
        double support = Support(interpolation) * filterScale;
        double inverse = 1.0 / filterScale;

        // An output's pixels lie within 2 * support; rounding both ends adds at most one.
        int maxTaps = Math.Min((int)Math.Ceiling(support) * 2 + 1, inputSize);
        int[] bounds = new int[count * 2];
        int[] weights = new int[checked(count * maxTaps)];
        double[] exact = new double[maxTaps];
        for (int i = 0; i < count; i++)
        {
            double center = (start + i + 0.5) * scale;
            int first = Math.Max(0, (int)(center - support + 0.5));
            int taps = Math.Min(inputSize, (int)(center + support + 0.5)) - first;
            double sum = 0.0;
            for (int t = 0; t < taps; t++)
            {
                exact[t] = Filter(interpolation, (t + first - center + 0.5) * inverse);
                sum += exact[t];
            }
            for (int t = 0; t < taps; t++)
            {
                double weight = sum != 0.0 ? exact[t] / sum : exact[t];
                weights[i * maxTaps + t] = (int)((weight < 0 ? -0.5 : 0.5) + weight * (1 << PrecisionBits));
            }
            bounds[i * 2] = first;
            bounds[i * 2 + 1] = taps;
        }
        return new ResampleCoefficients(bounds, weights, maxTaps);
    }

    /// <summary>A weight of exactly 1 per pixel: the pass leaves the axis as it is.</summary>
    private static ResampleCoefficients Identity(int start, int count)
    {
        int[] bounds = new int[count * 2];
        int[] weights = new int[count];
        for (int i = 0; i < count; i++)
        {
            bounds[i * 2] = start + i;
            bounds[i * 2 + 1] = 1;
            weights[i] = 1 << PrecisionBits;
        }
        return new ResampleCoefficients(bounds, weights, maxTaps: 1);
    }

    /// <summary>Half the width of the filter in input pixels, when nothing is scaled down.</summary>
    private static double Support(Interpolation interpolation) => interpolation switch
    {
        Interpolation.Bilinear => 1.0,
        Interpolation.Bicubic => 2.0,
        _ => throw new ImageException($"Interpolation {(int)interpolation} is unknown; use Bilinear or Bicubic."),
    };

    private static double Filter(Interpolation interpolation, double x)
    {
        const double a = -0.5;
        x = Math.Abs(x);
        if (interpolation is Interpolation.Bilinear) return x < 1.0 ? 1.0 - x : 0.0;
        if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
        if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
        return 0.0;
    }
}
