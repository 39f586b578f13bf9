namespace IlgpuResNet.Pixels;

/// <summary>
/// Weights of one axis of an antialiased resize, exactly as Pillow computes them (<c>precompute_coeffs</c> and <c>normalize_coeffs_8bpc</c>
/// of its <c>Resample.c</c>): in double, in the same order, then rounded to integers with <see cref="PrecisionBits"/> fractional bits. The
/// resize itself is integer arithmetic, so it has the same result on every machine:
/// <c>out = clip8((2^(PrecisionBits - 1) + sum(pixel * weight)) >> PrecisionBits)</c>.
/// </summary>
internal sealed class ResampleCoefficients
{
    /// <summary>Fractional bits of a weight. Of an int's 32 bits, 8 hold the pixel and 2 the overshoot of negative lobes.</summary>
    public const int PrecisionBits = 32 - 8 - 2;

    private const double LanczosLobes = 3.0;

    private ResampleCoefficients(int[] bounds, int[] weights, int maxTaps)
    {
        Bounds = bounds;
        Weights = weights;
        MaxTaps = maxTaps;
    }

    /// <summary>First input pixel of each output pixel and number of its input pixels, <c>[count, 2]</c>.</summary>
    public int[] Bounds { get; }

    /// <summary>Fixed-point weights <c>[count, MaxTaps]</c>; those beyond an output's number of input pixels are zero.</summary>
    public int[] Weights { get; }

    /// <summary>Largest number of input pixels of any output pixel.</summary>
    public int MaxTaps { get; }

    /// <summary>First input pixel that any output pixel reads.</summary>
    public int InputStart => Bounds[0];

    /// <summary>One past the last input pixel that any output pixel reads.</summary>
    public int InputEnd => Bounds[^2] + Bounds[^1];

    /// <summary>Computes the weights of consecutive output pixels of one axis.</summary>
    /// <param name="inputSize">Input pixels on the axis, at least 1.</param>
    /// <param name="outputSize">
    /// Output pixels on the axis, at least 1. When equal to the input size the axis is copied, as Pillow skips it.
    /// </param>
    /// <param name="start">First output pixel to compute.</param>
    /// <param name="count">Number of output pixels to compute, at least 1.</param>
    /// <param name="interpolation">Filter of the resize.</param>
    public static ResampleCoefficients Create(int inputSize, int outputSize, int start, int count, Interpolation interpolation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inputSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(start, 0);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, outputSize - start);
        if (inputSize == outputSize) return OneTap(count, i => start + i);
        if (interpolation is Interpolation.Nearest) return Nearest((double)inputSize / outputSize, start, count);

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

    /// <summary>The pixel under each output's centre. Pillow adds up the positions, and rounding errors with them.</summary>
    private static ResampleCoefficients Nearest(double scale, int start, int count)
    {
        double position = scale * 0.5;
        for (int i = 0; i < start; i++) position += scale;
        int[] pixels = new int[count];
        for (int i = 0; i < count; i++, position += scale) pixels[i] = (int)position;
        return OneTap(count, i => pixels[i]);
    }

    /// <summary>Weights of exactly 1: the pass copies pixels of the axis.</summary>
    private static ResampleCoefficients OneTap(int count, Func<int, int> pixelOf)
    {
        int[] bounds = new int[count * 2];
        int[] weights = new int[count];
        for (int i = 0; i < count; i++)
        {
            bounds[i * 2] = pixelOf(i);
            bounds[i * 2 + 1] = 1;
            weights[i] = 1 << PrecisionBits;
        }
        return new ResampleCoefficients(bounds, weights, maxTaps: 1);
    }

    /// <summary>Half the filter's width in input pixels, where the image is not scaled down.</summary>
    private static double Support(Interpolation interpolation) => interpolation switch
    {
        Interpolation.Box => 0.5,
        Interpolation.Bilinear or Interpolation.Hamming => 1.0,
        Interpolation.Bicubic => 2.0,
        Interpolation.Lanczos => LanczosLobes,
        _ => throw new ImageException(
            $"Interpolation {(int)interpolation} is unknown; use one of {string.Join(", ", Enum.GetNames<Interpolation>())}."),
    };

    private static double Filter(Interpolation interpolation, double x)
    {
        // The constants are floats in Pillow, too.
        const float hammingMean = 0.54f, hammingSwing = 0.46f;
        switch (interpolation)
        {
            case Interpolation.Box:
                return x is > -0.5 and <= 0.5 ? 1.0 : 0.0;
            case Interpolation.Bilinear:
                return Math.Max(1.0 - Math.Abs(x), 0.0);
            case Interpolation.Hamming:
                return Math.Abs(x) < 1.0 ? Sinc(x) * (hammingMean + hammingSwing * Math.Cos(Math.Abs(x) * Math.PI)) : 0.0;
            case Interpolation.Lanczos:
                return x is >= -LanczosLobes and < LanczosLobes ? Sinc(x) * Sinc(x / LanczosLobes) : 0.0;
            default:
                return Cubic(Math.Abs(x));
        }
    }

    private static double Cubic(double x)
    {
        const double a = -0.5;
        if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
        if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
        return 0.0;
    }

    private static double Sinc(double x) => x == 0.0 ? 1.0 : Math.Sin(x * Math.PI) / (x * Math.PI);
}
